// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
)

// tryFor is how long a registry may take to answer a try.
const tryFor = 1500 * time.Millisecond

// ErrNoAnswer says that a registry did not answer within the time of a try.
var ErrNoAnswer = fmt.Errorf("no answer within %s", tryFor)

// TryGoProxy asks the first Go proxy of a GOPROXY for a small file of a module's
// version that will be needed. It returns the proxy's name for messages.
func TryGoProxy(ctx context.Context, goProxy, module, version string) (name string, err error) {
	first, rest := goProxy, ""
	if i := strings.IndexAny(goProxy, ",|"); i >= 0 {
		first, rest = goProxy[:i], goProxy[i+1:]
	}
	name = fmt.Sprintf("the Go proxy %s (go env GOPROXY)", first)
	if first == "off" {
		return name, errors.New("it is switched off")
	}
	if !strings.HasPrefix(first, "http") { // A directory, or the sources' own hosts.
		return name, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, tryFor, ErrNoAnswer)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(first, "/")+"/"+module+"/@v/"+version+".info", http.NoBody)
	if err != nil {
		return name, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return name, err
	}
	defer func() { _ = response.Body.Close() }()
	unknown := response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusGone
	if response.StatusCode >= http.StatusBadRequest && (!unknown || rest == "") {
		return name, fmt.Errorf("it answers %s", response.Status)
	}
	return name, nil
}

// TryDebian lets apt, with its own settings, fetch a small file of Debian.
func TryDebian(ctx context.Context) (name string, err error) {
	const url = "http://deb.debian.org/debian/dists/trixie/Release.gpg"
	name = "Debian's packages (" + url + ", through apt)"
	dir, err := os.MkdirTemp("", "stanzaflow-preflight-")
	if err != nil {
		return name, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, cancel := context.WithTimeoutCause(ctx, tryFor, ErrNoAnswer)
	defer cancel()
	_, err = command.Cmd{
		Args: []string{"/usr/lib/apt/apt-helper", "-o", "Acquire::Retries=0", "download-file", url, filepath.Join(dir, "file")},
		Env:  []string{"LC_ALL=C"},
	}.Run(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return name, err
}
