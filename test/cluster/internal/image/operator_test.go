// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// elfFor returns the header of an empty static program for 64 bits.
func elfFor(machine elf.Machine) []byte {
	head := "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00" + string([]byte{byte(machine), 0}) + "\x01\x00\x00\x00"
	return append([]byte(head), append(make([]byte, 28), "\x40\x00\x38\x00\x00\x00\x40\x00\x00\x00\x00\x00"...)...)
}

func binaryFor(t *testing.T, machine elf.Machine) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "operator")
	if err := os.WriteFile(binary, elfFor(machine), 0o600); err != nil {
		t.Fatal(err)
	}
	return binary
}

func TestFromBinary(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "operator.tar")
	if err := FromBinary("example.test/operator:dev", binaryFor(t, elf.EM_X86_64), out); err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantOperator(t, img, "amd64")
	left, err := os.ReadDir(filepath.Dir(out))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 {
		t.Errorf("leaves working files behind: %v", left)
	}
}

func wantOperator(t *testing.T, img v1.Image, architecture string) {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/operator"}, config.Config.Entrypoint); diff != "" {
		t.Errorf("entrypoint (-want +got):\n%s", diff)
	}
	if config.Architecture != architecture || config.OS != "linux" || config.Config.User != "65532:65532" {
		t.Errorf("the image is for %s/%s and user %s, want linux/%s and 65532:65532", config.OS, config.Architecture, config.Config.User, architecture)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, want 1: %v", len(layers), err)
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	// No certificates: they would make the image of one commit differ between machines.
	want := []string{"etc/ 755 0", "etc/group 644 0", "etc/nsswitch.conf 644 0", "etc/passwd 644 0", "operator 755 0", "tmp/ 1777 0"}
	if diff := cmp.Diff(want, list(t, r)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func indexOf(t *testing.T) string {
	t.Helper()
	return indexFrom(t, binaryFor(t, elf.EM_X86_64), binaryFor(t, elf.EM_AARCH64))
}

func indexFrom(t *testing.T, binaries ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "operator.tar")
	if err := IndexFromBinaries("example.test/operator:v1", binaries, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestIndexIsAnOCILayout unpacks and reads the tarball as crane and skopeo do, and
// checks the digest of every blob.
func TestIndexIsAnOCILayout(t *testing.T) {
	t.Parallel()
	file, dir := indexOf(t), t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "-xf", file, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	// One entry, the index: crane refuses several without a flag, skopeo asks which.
	if len(manifest.Manifests) != 1 || !manifest.Manifests[0].MediaType.IsIndex() {
		t.Fatalf("index.json names %+v, want one index", manifest.Manifests)
	}
	index, err := top.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}

	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	images, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var architectures []string
	for _, m := range images.Manifests {
		img, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		wantOperator(t, img, m.Platform.Architecture)
		architectures = append(architectures, m.Platform.OS+"/"+m.Platform.Architecture)
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, architectures); diff != "" {
		t.Errorf("architectures (-want +got):\n%s", diff)
	}
	refs, err := ReadReferences(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []Reference{{Name: "example.test/operator:v1", Digest: manifest.Manifests[0].Digest.String()}}
	if diff := cmp.Diff(want, refs); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
}

// TestIndexIsNoDockerArchive matters because a docker archive would silently hold only
// one of the architectures.
func TestIndexIsNoDockerArchive(t *testing.T) {
	t.Parallel()
	if _, err := tarball.ImageFromPath(indexOf(t), nil); err == nil {
		t.Error("the index reads as a docker archive")
	}
}

func TestIndexOfSameInputSameBytes(t *testing.T) {
	t.Parallel()
	amd64, arm64 := binaryFor(t, elf.EM_X86_64), binaryFor(t, elf.EM_AARCH64)
	file := indexFrom(t, amd64, arm64)
	first := readAll(t, file)
	age(t, amd64)
	if first != readAll(t, indexFrom(t, amd64, arm64)) {
		t.Error("two builds of the same input differ")
	}
	checkTimes(t, file, strings.NewReader(first))
}

func readAll(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestBinariesThatAreRefused(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program at all, just some text that goes on for a while"), 0o600); err != nil {
		t.Fatal(err)
	}
	amd64 := binaryFor(t, elf.EM_X86_64)
	for name, c := range map[string]struct {
		binaries []string
		want     string
	}{
		"Text":      {[]string{text}, "is not a program for Linux"},
		"Nothing":   {[]string{text + "-absent"}, "no such file"},
		"Dynamic":   {[]string{"/bin/sh"}, "is not static"},
		"OtherKind": {[]string{binaryFor(t, elf.EM_RISCV)}, "EM_RISCV"},
		"Twice":     {[]string{amd64, amd64}, "are both for amd64"},
	} {
		out := filepath.Join(t.TempDir(), "out.tar")
		if err := IndexFromBinaries("example.test/operator:dev", c.binaries, out); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a file is there", name)
		}
	}
}
