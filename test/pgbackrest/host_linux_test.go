//go:build pgbackrest

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// host is the file system of an image, in which its PostgreSQL and its pgBackRest run, as
// the user postgres, by a user namespace. It implements remote.Executor.
type host struct {
	root string
	path string
}

// postgresID is the user postgres of the image.
const postgresID = 26

// newHost unpacks an image.
func newHost(t *testing.T, image string) *host {
	t.Helper()
	h := &host{root: t.TempDir()}
	layers, err := layersOf(image)
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		if err := eachFile(image, func(name string, content io.Reader) error {
			if name != layer {
				return nil
			}
			return h.unpack(content)
		}); err != nil {
			t.Fatal(err)
		}
	}
	binaries, _ := filepath.Glob(filepath.Join(h.root, "usr/lib/postgresql/*/bin"))
	if len(binaries) != 1 {
		t.Fatalf("the image has %d PostgreSQLs, want one", len(binaries))
	}
	h.path = strings.TrimPrefix(binaries[0], h.root)
	for _, dir := range []string{"tmp", "dev/shm", "var/run/postgresql", "run/postgresql", "repo1", "repo2", filepath.Dir(cpo.PGDataPath)} {
		if err := os.MkdirAll(filepath.Join(h.root, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	h.write(t, "/dev/null", "")
	return h
}

// unpack reads a layer. Of the links only symbolic and hard ones, and no devices.
func (h *host) unpack(content io.Reader) error {
	reader := tar.NewReader(content)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(h.root, header.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		switch header.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o755)
		case tar.TypeSymlink:
			err = os.Symlink(header.Linkname, path)
		case tar.TypeLink:
			err = os.Link(filepath.Join(h.root, header.Linkname), path)
		case tar.TypeReg:
			if err = write(path, reader); err == nil {
				err = os.Chmod(path, os.FileMode(header.Mode)&0o755)
			}
		}
		if err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
}

func (h *host) write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.root, file), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Exec implements remote.Executor.
func (h *host) Exec(ctx context.Context, _ remote.Place, argv []string, stdout, stderr io.Writer) error {
	const longest = 2 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	program := ""
	for _, dir := range []string{h.path, "/usr/bin"} {
		if _, err := os.Stat(filepath.Join(h.root, dir, argv[0])); err == nil && program == "" {
			program = filepath.Join(dir, argv[0])
		}
	}
	cmd := exec.CommandContext(ctx, program, argv[1:]...)
	cmd.Err = nil // It is looked up outside of the root, and need not exist there.
	cmd.Path, cmd.Dir, cmd.Stdout, cmd.Stderr = program, "/", stdout, stderr
	// A server that is started keeps the pipes open.
	cmd.WaitDelay = time.Second
	cmd.Env = []string{"PATH=" + h.path + ":/usr/bin", "HOME=/tmp", "LC_ALL=C", "TZ=Europe/Vienna"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot: h.root, Cloneflags: syscall.CLONE_NEWUSER, Setsid: true,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: postgresID, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: postgresID, HostID: os.Getgid(), Size: 1}},
	}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrWaitDelay):
		return nil
	case errors.As(err, &exit) && exit.Exited():
		return &remote.ExitError{Code: exit.ExitCode()}
	}
	return err
}

// try runs a command and returns what it prints.
func (h *host) try(ctx context.Context, argv ...string) (string, error) {
	var out bytes.Buffer
	err := h.Exec(ctx, remote.Place{}, argv, &out, &out)
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out.String())
	}
	return strings.TrimSpace(out.String()), err
}

func (h *host) run(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := h.try(t.Context(), argv...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// server is a PostgreSQL of a host.
type server struct {
	*host

	dir, port string
}

// start starts it and does not wait until it is out of recovery.
func (s *server) start(t *testing.T, options string) error {
	t.Helper()
	_, err := s.try(t.Context(), "pg_ctl", "-D", s.dir, "-w", "-t", "60", "-s", "-l", "/tmp/"+s.port+".log", "-o", "-p "+s.port+" "+options, "start")
	return err
}

func (s *server) stop(t *testing.T, mode string) {
	t.Helper()
	_, _ = s.try(context.WithoutCancel(t.Context()), "pg_ctl", "-D", s.dir, "-w", "-s", "-m", mode, "stop") // It may be down.
}

func (s *server) ask(ctx context.Context, statement string) (string, error) {
	return s.try(ctx, "psql", "-X", "-q", "-A", "-t", "-h", cpo.PGSocketPath, "-p", s.port, "-U", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", statement)
}

func (s *server) sql(t *testing.T, statement string) string {
	t.Helper()
	out, err := s.ask(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// opened waits until recovery has ended. It is false if the server has ended instead.
func (s *server) opened(t *testing.T) bool {
	t.Helper()
	for t.Context().Err() == nil {
		out, err := s.ask(t.Context(), "SELECT pg_is_in_recovery()")
		if err == nil && out == "f" {
			return true
		}
		if _, err := s.try(t.Context(), "pg_ctl", "-D", s.dir, "status"); err != nil {
			return false
		}
		<-time.After(50 * time.Millisecond)
	}
	return false
}

// log is what the server has written.
func (s *server) log(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.root, "tmp", s.port+".log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
