// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/pgbackresttest"
)

// volume makes a directory as Kubernetes makes one of a ConfigMap: each file is
// a link through ..data into a directory with the time of the change.
func volume(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "conf.d")
	const stamp = "..2026_03_01_01_00_00.1"
	for _, err := range []error{os.MkdirAll(filepath.Join(dir, stamp), 0o755), os.Symlink(stamp, filepath.Join(dir, "..data"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		inside := filepath.Join(dir, stamp, name)
		first, _, nested := strings.Cut(name, "/")
		link := filepath.Join(dir, first)
		err := os.MkdirAll(filepath.Dir(inside), 0o755)
		if err == nil {
			err = os.WriteFile(inside, []byte(content), 0o600)
		}
		if err == nil {
			err = os.Symlink(filepath.Join("..data", first), link)
		}
		if err != nil && (!nested || !os.IsExist(err)) {
			t.Fatal(err)
		}
	}
	return dir
}

// output runs a command of this machine, which has the same programs.
func output(t *testing.T, argv []string) ([]byte, int) {
	t.Helper()
	if _, err := exec.LookPath(argv[0]); err != nil {
		t.Fatal(err) // Every machine that can build this has it.
	}
	command := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	out, err := command.Output()
	if err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return out, command.ProcessState.ExitCode()
}

func TestOptionNames(t *testing.T) {
	t.Parallel()
	option := func(file, section string, repo int, name string) FileOption {
		return FileOption{File: file, Section: section, Repo: repo, Name: name}
	}
	for name, tc := range map[string]struct {
		files map[string]string
		want  []FileOption
	}{
		"nothing": {files: map[string]string{"a.conf": "[db]\npg1-path=/x\n"}},
		"sections and options": {
			files: map[string]string{"a.conf": "[db]\npg1-path=/x\n\n[global]\nrepo1-path=/x\nrepo12-s3-key-secret=hunter2\n[global:archive-push]\nrepo1-path=/y\n"},
			want: []FileOption{
				option("a.conf", "global", 1, "path"), option("a.conf", "global", 12, "s3-key-secret"), option("a.conf", "global:archive-push", 1, "path"),
			},
		},
		"every file has its own sections": {
			files: map[string]string{"a.conf": "[global]\nrepo1-path=/x\n", "b.conf": "repo1-s3-key=hunter2\n[db]\nrepo1-cipher-pass=hunter2\n"},
			want: []FileOption{
				option("a.conf", "global", 1, "path"), option("b.conf", "", 1, "s3-key"), option("b.conf", "db", 1, "cipher-pass"),
			},
		},
		"space around, and lines of Windows": {
			files: map[string]string{"a.conf": " [global] \r\n\t repo1-s3-key \t= hunter2\r\n"},
			want:  []FileOption{option("a.conf", "global", 1, "s3-key")},
		},
		"an old name is that of repo1": {
			files: map[string]string{"a.conf": "[global]\nrepo-cipher-pass=hunter2\n"},
			want:  []FileOption{option("a.conf", "global", 1, "cipher-pass")},
		},
		"comments, values and options of others are none": {
			files: map[string]string{"a.conf": "[global]\n# repo1-s3-key=hunter2\n#repo1-path=x\nlog-path=/repo1-path=\nrepo1_path=x\nREPO1-PATH=x\n"},
		},
		"files that pgBackRest does not read": {
			files: map[string]string{
				"a.txt": "[global]\nrepo1-s3-key=hunter2\n", "keys/a.conf": "repo2-s3-key=hunter2\n",
				"gcs.json": "{\n \"key\": [\n [hunter2],\n \"repo1-x=\"]}\n",
			},
			want: []FileOption{option("a.txt", "global", 1, "s3-key"), option("keys/a.conf", "", 2, "s3-key")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := volume(t, tc.files)
			out, code := output(t, OptionNamesCommand(dir))
			if code > 1 {
				t.Fatalf("exit code %d", code)
			}
			if bytes.Contains(out, []byte("hunter2]\"")) || bytes.Contains(out, []byte("=hunter2")) {
				t.Errorf("a value is shown:\n%s", out)
			}
			got, err := ParseOptionNames(out, dir)
			if err != nil {
				t.Fatal(err)
			}
			// The order of the files is that of the directory.
			slices.SortStableFunc(got, func(a, b FileOption) int { return strings.Compare(a.File, b.File) })
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOptionNamesOfNothing(t *testing.T) {
	t.Parallel()
	if out, code := output(t, OptionNamesCommand(volume(t, map[string]string{"a.conf": "x=y\n"}))); code != 1 || len(out) > 0 {
		t.Errorf("exit code %d and %q without options, want 1", code, out)
	}
	if _, code := output(t, OptionNamesCommand(filepath.Join(t.TempDir(), "gone"))); code != 2 {
		t.Errorf("exit code %d without the directory, want 2", code)
	}
	if options, err := ParseOptionNames(nil, "/etc/x"); err != nil || options != nil {
		t.Errorf("%v, %v of no output", options, err)
	}
}

func TestParseOptionNamesRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"hunter2", "hunter2:repo1-path=", "/etc/conf.d2/a.conf:repo1-path=", "/etc/conf.d/:repo1-path=", "/etc/conf.d/a.conf:repo1-path=hunter2",
		"/etc/conf.d/a.conf:hunter2", "/etc/conf.d/a.conf:[hunter2", "/etc/conf.d/a.conf", "/etc/conf.d/a.conf:", "grep: hunter2: binary file matches",
	} {
		options, err := ParseOptionNames([]byte(text+"\n"), "/etc/conf.d")
		pgbackresttest.WantError(t, err, true, "hunter2")
		if options != nil {
			t.Errorf("%q gives %v", text, options)
		}
	}
}

func TestFileOption(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]bool{
		"a.conf": true, ".hidden.conf": true, "a.conf.conf": true,
		"a": false, "a.txt": false, "a.conf.bak": false, "a.CONF": false, "keys/a.conf": false, ".conf": false, "aconf": false,
	} {
		if got := (FileOption{File: file}).Read(); got != want {
			t.Errorf("%s is read: %v, want %v", file, got, want)
		}
	}
	if got := (FileOption{File: "a.conf", Section: "global", Repo: 3, Name: "s3-key"}).String(); got != "repo3-s3-key" {
		t.Errorf("String() = %q", got)
	}
}

func TestConfigDigest(t *testing.T) {
	t.Parallel()
	dir := volume(t, map[string]string{"a.conf": "[global]\n"})
	out, code := output(t, ConfigDigestCommand(filepath.Join(dir, "a.conf")))
	got, err := ParseDigest(out)
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte("[global]\n"))); err != nil || code != 0 || got != want {
		t.Errorf("%q, %v, exit code %d, want %s", got, err, code, want)
	}
	if out, code := output(t, ConfigDigestCommand(filepath.Join(dir, "b.conf"))); code != 1 || len(out) > 0 {
		t.Errorf("exit code %d and %q without the file, want 1", code, out)
	}
}

func TestParseDigestRefuses(t *testing.T) {
	t.Parallel()
	hex := strings.Repeat("0a", 32)
	for _, text := range []string{"", "hunter2", hex, hex[1:] + " x", hex + "0 x", "x" + hex + " x", strings.ToUpper(hex) + " x", "\n" + hex + " x"} {
		got, err := ParseDigest([]byte(text))
		pgbackresttest.WantError(t, err, true, "hunter2")
		if got != "" {
			t.Errorf("%q gives %q", text, got)
		}
	}
}

func FuzzParseOptionNames(f *testing.F) {
	for _, seed := range []string{"", "/d/a.conf:repo1-path=\n", "/d/..data/a.conf:x\n/d/a.conf:[global]\n/d/a.conf:repo-x=", "/d/a:repo99999999999999999999-x="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		options, err := ParseOptionNames([]byte(text), "/d")
		if err != nil && options != nil {
			t.Errorf("options beside an error: %v", options)
		}
		files := map[string]bool{}
		for _, o := range options {
			files[o.File] = true
			if o.File == "" || o.Name == "" || strings.HasPrefix(o.File, "..") {
				t.Errorf("%+v", o)
			}
		}
		for file := range maps.Keys(files) {
			if !strings.Contains(text, file) {
				t.Errorf("file %q is made up", file)
			}
		}
	})
}
