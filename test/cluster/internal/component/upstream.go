// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package component

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/cache"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/fingerprint"
)

// Upstream is a published module that needs files added before it builds. Go's
// module cache is read-only, and -overlay refuses to reach into it, so the
// module is copied.
type Upstream struct {
	Path    string
	Version string
	Sum     string // as in go.sum; a download with another sum is refused
	Patches []Patch
}

// Patch adds one file to the copy.
type Patch struct {
	Path    string
	CopyOf  string // another file of the module, or
	Content string
}

func (u Upstream) key() string {
	parts := []string{u.Path, u.Version, u.Sum}
	for _, p := range u.Patches {
		parts = append(parts, p.Path, p.CopyOf, p.Content)
	}
	return fingerprint.Of(parts...)
}

// ensure returns the directory of the patched copy, and creates it if it is missing.
func (u Upstream) ensure(ctx context.Context, build string) (string, error) {
	dir := filepath.Join(build, strings.ReplaceAll(u.Path, "/", "-")+"-"+u.Version+"-"+u.key())
	if there, err := cache.Touch(dir); there || err != nil {
		return dir, err
	}
	// Run outside any module, so that Go only considers this download.
	out, err := command.Cmd{
		Args: []string{"go", "mod", "download", "-json", u.Path + "@" + u.Version},
		Dir:  os.TempDir(),
		Env:  []string{"GOWORK=off", "GOFLAGS="},
	}.Run(ctx)
	if err != nil {
		return "", err
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal([]byte(out), &module); err != nil {
		return "", fmt.Errorf("cannot read the answer of go mod download: %w", err)
	}
	if module.Sum != u.Sum {
		return "", fmt.Errorf("%s %s has the checksum %s, want %s", u.Path, u.Version, module.Sum, u.Sum)
	}

	temp := cache.Temp(dir)
	if err := os.RemoveAll(temp); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(temp), 0o750); err != nil {
		return "", err
	}
	if err := os.CopyFS(temp, os.DirFS(module.Dir)); err != nil {
		return "", err
	}
	for _, p := range u.Patches {
		if err := p.apply(temp); err != nil {
			return "", err
		}
	}
	return dir, os.Rename(temp, dir)
}

func (p Patch) apply(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	content := []byte(p.Content)
	if p.CopyOf != "" {
		if content, err = root.ReadFile(p.CopyOf); err != nil {
			return err
		}
	}
	if err := root.MkdirAll(filepath.Dir(p.Path), 0o750); err != nil {
		return err
	}
	return root.WriteFile(p.Path, content, 0o600)
}
