//go:build pgbackrest

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"archive/tar"
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
)

// rootfs is the files of a whole image, in which programs run as the user postgres.
type rootfs struct{ dir string }

// postgresUser is the account of PostgreSQL in the images.
const postgresUser = 26

// unpackRootfs reads an image. Programs run in it by chroot, which needs root.
func unpackRootfs(t *testing.T, image string) rootfs {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test starts PostgreSQL in the files of an image, for which it must be root")
	}
	r := rootfs{dir: t.TempDir()}
	layers, err := layersOf(image)
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		if err := eachFile(image, func(name string, content io.Reader) error {
			if name != layer {
				return nil
			}
			return unpackAll(content, r.dir)
		}); err != nil {
			t.Fatalf("%s: %v", image, err)
		}
	}
	// The container has these from Kubernetes.
	for _, dir := range []string{"/dev/shm", "/tmp"} {
		if err := os.Chmod(r.path(dir), 0o777|os.ModeSticky); err != nil {
			t.Fatal(err)
		}
	}
	// Every other directory of the test is below one that only its owner may enter.
	if err := os.Chmod(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return r
}

func unpackAll(content io.Reader, dir string) error {
	reader := tar.NewReader(content)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = unpackEntry(dir, header, reader)
		}
		if err != nil {
			return err
		}
	}
}

func unpackEntry(dir string, header *tar.Header, content io.Reader) error {
	path := filepath.Join(dir, header.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	mode := header.FileInfo().Mode()
	var err error
	switch header.Typeflag {
	case tar.TypeDir:
		err = os.MkdirAll(path, 0o755)
	case tar.TypeSymlink:
		return os.Symlink(header.Linkname, path)
	case tar.TypeLink:
		return os.Link(filepath.Join(dir, header.Linkname), path)
	case tar.TypeReg:
		err = write(path, content)
	case tar.TypeChar:
		err = syscall.Mknod(path, syscall.S_IFCHR|uint32(mode.Perm()), int(header.Devmajor<<8|header.Devminor))
	default:
		return fmt.Errorf("%s has the type %q", header.Name, header.Typeflag)
	}
	if err == nil {
		err = os.Chown(path, header.Uid, header.Gid)
	}
	if err == nil {
		err = os.Chmod(path, mode)
	}
	return err
}

// path is where a file of the image is.
func (r rootfs) path(name string) string { return filepath.Join(r.dir, name) }

// inside opens the files of the image. What follows an absolute link, as /var/run has, would
// be a file of this machine, and is an error.
func (r rootfs) inside(t testing.TB, do func(*os.Root) error) {
	t.Helper()
	root, err := os.OpenRoot(r.dir)
	if err == nil {
		err = errors.Join(do(root), root.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// owned makes directories of the user postgres, and those above them but the first.
func (r rootfs) owned(t testing.TB, names ...string) {
	t.Helper()
	r.inside(t, func(root *os.Root) error {
		for _, name := range names {
			name = strings.TrimPrefix(name, "/")
			if err := root.MkdirAll(name, 0o700); err != nil {
				return err
			}
			for at := name; strings.Contains(at, "/"); at = filepath.Dir(at) {
				if err := root.Chown(at, postgresUser, postgresUser); err != nil {
					return err
				}
			}
		}
		return root.Chmod("srv", 0o755)
	})
}

// write writes a file of the user postgres.
func (r rootfs) write(t testing.TB, name, content string) {
	t.Helper()
	r.inside(t, func(root *os.Root) error {
		name := strings.TrimPrefix(name, "/")
		return errors.Join(root.WriteFile(name, []byte(content), 0o600), root.Chown(name, postgresUser, postgresUser))
	})
}

// command makes a process in the image, with these variables.
func (r rootfs) command(ctx context.Context, environ []string, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.dir+"/", argv[1:]...)
	cmd.Path, cmd.Err = r.program(environ, argv[0]), nil
	cmd.Args[0] = argv[0]
	cmd.Env, cmd.Dir = environ, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: r.dir, Credential: &syscall.Credential{Uid: postgresUser, Gid: postgresUser}}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd
}

// program is the path of a program in the image.
func (r rootfs) program(environ []string, name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	for _, variable := range environ {
		value, found := strings.CutPrefix(variable, "PATH=")
		if !found {
			continue
		}
		for _, dir := range filepath.SplitList(value) {
			if _, err := os.Stat(r.path(filepath.Join(dir, name))); err == nil {
				return filepath.Join(dir, name)
			}
		}
	}
	return name
}

// run runs a program to its end, and fails the test if that is not good.
func (r rootfs) run(t testing.TB, environ []string, argv ...string) string {
	t.Helper()
	output, err := r.command(t.Context(), environ, argv...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, output)
	}
	return string(output)
}
