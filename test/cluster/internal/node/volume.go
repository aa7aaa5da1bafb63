// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
)

// imageSuffix marks the file that holds the file system of a bounded volume. It is
// mounted on the directory beside it, which has the name without the suffix.
const imageSuffix = ".ext4"

func (n *Node) boundedDir() string { return filepath.Join(n.dirs.State(), "bounded") }

// MakeVolume creates a file system of a fixed size, and returns a directory in it for
// a volume. Unlike the directories of the volume-provisioner it can fill up.
func (n *Node) MakeVolume(ctx context.Context, name string, bytes int64) (string, error) {
	if err := n.RemoveVolume(name); err != nil {
		return "", err
	}
	if err := os.MkdirAll(n.boundedDir(), 0o755); err != nil { //nolint:gosec // Pods of any user pass through it.
		return "", err
	}
	image := filepath.Join(n.boundedDir(), name+imageSuffix)
	f, err := os.Create(image) //nolint:gosec // Our own file.
	if err != nil {
		return "", err
	}
	if err := errors.Join(f.Truncate(bytes), f.Close()); err != nil {
		return "", err
	}
	// Create it without a journal and without space reserved for root, so that the pod
	// can use all of it.
	if _, err := (command.Cmd{Args: []string{"mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image}}).Run(ctx); err != nil {
		return "", errors.Join(err, os.Remove(image))
	}
	mountpoint, err := mountImage(ctx, image)
	if err != nil {
		return "", errors.Join(err, n.RemoveVolume(name))
	}
	// Do not use the mount point itself: if nothing is mounted, a pod must not start on
	// an empty volume.
	volume := filepath.Join(mountpoint, "volume")
	if err := os.Mkdir(volume, 0o700); err != nil {
		return "", err
	}
	// Set the mode despite the umask, as the volume-provisioner does.
	return volume, os.Chmod(volume, 0o777) //nolint:gosec // See above.
}

// RemoveVolume undoes MakeVolume. There may be nothing to undo.
func (n *Node) RemoveVolume(name string) error {
	mountpoint := filepath.Join(n.boundedDir(), name)
	if err := unmountBelow(mountpoint); err != nil {
		return err
	}
	for _, path := range []string{mountpoint, mountpoint + imageSuffix} {
		// Do not use RemoveAll: only an empty directory is left where a mount was.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// mountVolumes mounts the bounded volumes of an earlier run.
func (n *Node) mountVolumes(ctx context.Context) error {
	images, _ := filepath.Glob(filepath.Join(n.boundedDir(), "*"+imageSuffix)) // The pattern is well-formed.
	for _, image := range images {
		if _, err := mountImage(ctx, image); err != nil {
			return err
		}
	}
	return nil
}

func mountImage(ctx context.Context, image string) (mountpoint string, err error) {
	mountpoint = strings.TrimSuffix(image, imageSuffix)
	if err := os.MkdirAll(mountpoint, 0o755); err != nil { //nolint:gosec // Pods of any user pass through it.
		return "", err
	}
	// The loop device disappears with the mount.
	if _, err := (command.Cmd{Args: []string{"mount", "-o", "loop", image, mountpoint}}).Run(ctx); err != nil {
		return "", fmt.Errorf("cannot mount a volume of a fixed size, which needs a loop device: %w", err)
	}
	return mountpoint, nil
}
