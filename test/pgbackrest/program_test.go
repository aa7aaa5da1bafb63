//go:build pgbackrest

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// program is one pgBackRest, with the libraries of its image.
type program struct {
	release string
	// command starts it: the loader of the image, its options, and the program.
	command []string
}

var programs []program

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	images := strings.Fields(os.Getenv("PGBACKREST_IMAGES"))
	if len(images) == 0 {
		return fail(errors.New("PGBACKREST_IMAGES names no image; use make test-pgbackrest"))
	}
	dir, err := os.MkdirTemp("", "pgbackrest")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for i, image := range images {
		p, err := unpack(image, filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return fail(fmt.Errorf("%s: %w", image, err))
		}
		programs = append(programs, p)
	}
	return m.Run()
}

func fail(err error) int {
	_, _ = fmt.Fprintln(os.Stderr, "FAILED:", err)
	return 1
}

// unpack reads the program and its libraries from an image.
func unpack(image, dir string) (program, error) {
	layers, err := layersOf(image)
	if err != nil {
		return program{}, err
	}
	for _, layer := range layers {
		if err := eachFile(image, func(name string, content io.Reader) error {
			if name != layer {
				return nil
			}
			return unpackLayer(content, dir)
		}); err != nil {
			return program{}, err
		}
	}
	loaders, _ := filepath.Glob(filepath.Join(dir, "usr/lib/*-linux-gnu/ld-linux-*.so.*"))
	if len(loaders) != 1 {
		return program{}, fmt.Errorf("has %d dynamic loaders, want one", len(loaders))
	}
	p := program{command: []string{loaders[0], "--library-path", filepath.Dir(loaders[0]), filepath.Join(dir, "usr/bin/pgbackrest")}}
	output, err := exec.Command(p.command[0], append(p.command[1:], "version")...).Output()
	match := regexp.MustCompile(`^pgBackRest (2\.[0-9]+)`).FindSubmatch(output)
	if err != nil || match == nil {
		return program{}, fmt.Errorf("pgbackrest version prints %q: %w", output, err)
	}
	p.release = string(match[1])
	return p, nil
}

// layersOf returns the names of the layers of an image, the lowest first.
func layersOf(image string) ([]string, error) {
	var manifest []struct{ Layers []string }
	err := eachFile(image, func(name string, content io.Reader) error {
		if name != "manifest.json" {
			return nil
		}
		return json.NewDecoder(content).Decode(&manifest)
	})
	if err == nil && len(manifest) != 1 {
		err = fmt.Errorf("its manifest.json lists %d images, want one", len(manifest))
	}
	if err != nil {
		return nil, err
	}
	return manifest[0].Layers, nil
}

func eachFile(archive string, do func(name string, content io.Reader) error) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	reader := tar.NewReader(file)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = do(header.Name, reader)
		}
		if err != nil {
			return err
		}
	}
}

// needed are the files of an image without which the program does not start.
var needed = regexp.MustCompile(`^(\./)?usr/(bin/pgbackrest|lib/[^/]+-linux-gnu/[^/]+)$`)

func unpackLayer(content io.Reader, dir string) error {
	reader := tar.NewReader(content)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !needed.MatchString(header.Name) {
			continue
		}
		path := filepath.Join(dir, header.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		switch header.Typeflag {
		case tar.TypeSymlink:
			err = os.Symlink(header.Linkname, path)
		case tar.TypeReg:
			err = write(path, reader)
		}
		if err != nil {
			return err
		}
	}
}

func write(path string, content io.Reader) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

// place is a directory with a configuration in it.
type place struct{ dir string }

// newPlace returns a place in which every command of a stanza stops before it does
// anything, and after it has read its configuration.
func newPlace(t testing.TB) place {
	t.Helper()
	p := place{dir: t.TempDir()}
	if err := os.MkdirAll(p.lockPath(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.lockPath(), "db.stop"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p place) lockPath() string { return filepath.Join(p.dir, "lock") }

// Exit codes of pgBackRest.
const (
	optionInvalid      = 31
	optionInvalidValue = 32
	optionRequired     = 37
	// paramRequired is archive-push without the WAL segment to push.
	paramRequired = 43
	// stopped is a command of a stanza that has a stop file.
	stopped = 62
)

// started is the exit code of a command that accepts its configuration, in a place.
var started = map[string]int{"archive-push": paramRequired, "backup": stopped, "expire": stopped}

// refused reports whether an exit code is about the configuration.
func refused(command string, code int) bool {
	if want, ok := started[command]; ok {
		return code != want
	}
	return code == optionInvalid || code == optionInvalidValue || code == optionRequired
}

// verdict runs a command with a configuration file. It returns an empty text if
// pgBackRest accepts the file, and otherwise what it says.
func (p program) verdict(t testing.TB, at place, command, conf string) string {
	t.Helper()
	if output, code := p.run(t, at, command, conf); refused(command, code) {
		return fmt.Sprintf("exit code %d: %s", code, output)
	}
	return ""
}

// output is what a command prints, accepted or not.
func (p program) output(t testing.TB, at place, command, conf string) string {
	t.Helper()
	output, _ := p.run(t, at, command, conf)
	return output
}

func (p program) run(t testing.TB, at place, command, conf string) (output string, code int) {
	t.Helper()
	file := filepath.Join(at.dir, "pgbackrest.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	const longest = 30 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	arguments := append(slices.Clone(p.command[1:]), "--config="+file)
	if command != "server" {
		arguments = append(arguments, "--stanza=db")
	}
	cmd := exec.CommandContext(ctx, p.command[0], append(arguments, command)...)
	cmd.Env = []string{}
	printed, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("cannot run %s: %v", p.command, err)
	}
	if ctx.Err() != nil {
		t.Fatalf("pgBackRest %s %s does not end, with\n%s", p.release, command, conf)
	}
	return strings.TrimSpace(string(printed)), cmd.ProcessState.ExitCode()
}
