// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
)

// tryFor is how long a registry may take to answer a try.
const tryFor = 1500 * time.Millisecond

// ErrNoAnswer says that a registry did not answer within the time of a try.
var ErrNoAnswer = fmt.Errorf("no answer within %s", tryFor)

// TryGo lets Go, with its own settings, ask for a needed version of a module that is
// not in the cache. It returns a name for messages.
func TryGo(ctx context.Context, module, version string) (name string, err error) {
	return "the source of Go modules (go env GOPROXY)", tryGo(ctx, tryFor, module, version)
}

func tryGo(ctx context.Context, within time.Duration, module, version string, env ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, ErrNoAnswer)
	defer cancel()
	_, err := command.Cmd{
		Args: []string{"go", "list", "-m", module + "@" + version},
		Dir:  os.TempDir(), // outside of any module
		Env:  append([]string{"GOWORK=off", "GOFLAGS="}, env...),
	}.Run(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
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
