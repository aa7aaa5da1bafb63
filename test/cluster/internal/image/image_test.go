// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// sample is an image row with one entry of each kind.
func sample(t *testing.T) Image {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(binary, []byte("not really a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Image{
		Entries: []Entry{
			{Path: "/usr/bin/program", Source: binary, Mode: 0o755},
			{Path: "/etc/settings", Content: []byte("a = b\n")},
			{Path: "/bin/program", Link: "../usr/bin/program"},
			{Path: "/tmp", Mode: 0o1777},
			{Path: "/home/user", Mode: 0o700, UID: 7, GID: 8},
		},
		User:       "7:8",
		Entrypoint: []string{"/bin/program"},
	}
}

func build(t *testing.T, row Image) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image.tar")
	if err := Build(t.Context(), row, "example.test/sample:1", out, t.TempDir(), ""); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSameInputSameBytes(t *testing.T) {
	t.Parallel()
	row := sample(t)
	first := build(t, row)
	age(t, row.Entries[0].Source)
	row.Entries[0], row.Entries[3] = row.Entries[3], row.Entries[0]
	second := build(t, row)

	a, b := readFile(t, first), readFile(t, second)
	if !bytes.Equal(a, b) {
		t.Error("two builds of the same input differ")
	}
	checkTimes(t, first, bytes.NewReader(a))
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// age sets the modification time of a file to one that no clock gives.
func age(t *testing.T, file string) {
	t.Helper()
	long := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(file, long, long); err != nil {
		t.Fatal(err)
	}
}

// checkTimes checks that every entry of an archive, and of the archives in it, has the
// same time: neither that of a file nor that of the build.
func checkTimes(t *testing.T, name string, archive io.Reader) {
	t.Helper()
	entries := tar.NewReader(archive)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !header.ModTime.Equal(epoch) {
			t.Errorf("%s: %s has the time %s, want %s", name, header.Name, header.ModTime, epoch)
		}
		content, err := io.ReadAll(entries)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(content) > 262 && string(content[257:262]) == "ustar" {
			checkTimes(t, name+": "+header.Name, bytes.NewReader(content))
		}
	}
}

func TestOtherInputOtherDigest(t *testing.T) {
	t.Parallel()
	digest := func(row Image) string {
		refs, err := ReadReferences(build(t, row))
		if err != nil {
			t.Fatal(err)
		}
		return refs[0].Digest
	}
	row := sample(t)
	base := digest(row)
	for name, change := range map[string]func(*Image){
		"Content": func(i *Image) { i.Entries[1].Content = []byte("a = c\n") },
		"Mode":    func(i *Image) { i.Entries[1].Mode = 0o600 },
		"Owner":   func(i *Image) { i.Entries[1].UID = 9 },
		"User":    func(i *Image) { i.User = "9" },
	} {
		other := sample(t)
		change(&other)
		if digest(other) == base {
			t.Errorf("%s: another input has the same digest", name)
		}
	}
}

func TestArchiveReadsAsOCIAndAsDocker(t *testing.T) {
	t.Parallel()
	file := build(t, sample(t))

	refs, err := ReadReferences(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(refs) != 1 || refs[0].Name != "example.test/sample:1" {
		t.Fatalf("ReadReferences = %+v", refs)
	}

	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		t.Fatalf("not a docker archive: %v", err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "7:8" || config.OS != "linux" {
		t.Errorf("config = %+v", config)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != 1 {
		t.Fatalf("%d layers, want 1", len(layers))
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	want := []string{
		"bin/ 755 0", "bin/program 777 0", "etc/ 755 0", "etc/settings 644 0",
		"home/ 755 0", "home/user/ 700 7", "tmp/ 1777 0", "usr/ 755 0", "usr/bin/ 755 0", "usr/bin/program 755 0",
	}
	if diff := cmp.Diff(want, list(t, r)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func list(t *testing.T, r io.Reader) []string {
	t.Helper()
	var names []string
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name+" "+octal(h.Mode)+" "+octal(int64(h.Uid)))
	}
}

func octal(n int64) string {
	const digits = "01234567"
	if n < 8 {
		return digits[n : n+1]
	}
	return octal(n/8) + octal(n%8)
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	t.Parallel()
	row := sample(t)
	row.Entries[0].Source = "/does/not/exist"
	out := filepath.Join(t.TempDir(), "image.tar")
	if err := Build(t.Context(), row, "example.test/sample:1", out, t.TempDir(), ""); err == nil {
		t.Fatal("no error")
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file is there: %v", err)
	}
}

func TestReadReferencesOfSomethingElse(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "not.tar")
	if err := os.WriteFile(file, []byte("this is no tar, however long it is"), 0o600); err != nil {
		t.Fatal(err)
	}
	if refs, err := ReadReferences(file); err == nil {
		t.Errorf("ReadReferences = %v, want an error", refs)
	}
}

// Tests and manifests use tags, and two rows with the same tag would overwrite each
// other.
func TestTableHasUniqueNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, row := range table {
		name := row.Name + ":" + row.Tag
		if row.Tag == fromComponent {
			name += "version of " + row.Component
		}
		if seen[name] {
			t.Errorf("%s twice", name)
		}
		seen[name] = true
		if row.Tag == "latest" || (row.Tag == fromComponent && row.Component == "") {
			t.Errorf("%s: the tag must name a version", row.Name)
		}
	}
}
