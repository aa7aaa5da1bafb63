// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mountsBelow returns the mount points in the text of /proc/self/mountinfo that are
// at or below any of the roots, last mounted first, so that a mount that covers or
// lies in another is undone before it.
func mountsBelow(mountinfo string, roots ...string) []string {
	var found []string
	for line := range strings.Lines(mountinfo) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		point := unescape(f[4])
		for _, root := range roots {
			if root != "" && (point == root || strings.HasPrefix(point, root+"/")) {
				found = append(found, point)
				break
			}
		}
	}
	slices.Reverse(found)
	return found
}

// unescape undoes the kernel's escapes for blanks: \040 is a space.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unmountBelow undoes all mounts at or below the roots and reports any that stays,
// because the caller will delete these directories.
func unmountBelow(roots ...string) error {
	read := func() ([]string, error) {
		b, err := os.ReadFile("/proc/self/mountinfo")
		return mountsBelow(string(b), roots...), err
	}
	points, err := read()
	if err != nil {
		return err
	}
	for _, p := range points {
		// Unmount lazily, because a process that is just ending may still be in it.
		// Errors show below, as mounts that are still there.
		_ = unix.Unmount(p, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	}
	if points, err = read(); err != nil {
		return err
	}
	if len(points) > 0 {
		return fmt.Errorf("cannot unmount %s", strings.Join(points, ", "))
	}
	return nil
}
