// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// FreeMemory returns how many bytes programs can still get.
func FreeMemory() (int64, error) {
	const file = "/proc/meminfo"
	content, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10, nil
		}
	}
	return 0, fmt.Errorf("%s does not say MemAvailable", file)
}

// FreeDisk returns how many bytes can still be written below a directory, which need
// not exist yet.
func FreeDisk(dir string) (int64, error) {
	for {
		var s unix.Statfs_t
		err := unix.Statfs(dir, &s)
		if err == nil {
			return int64(s.Bavail) * s.Bsize, nil //nolint:gosec // No disk has that many blocks.
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
		}
		dir = filepath.Dir(dir)
	}
}

// Release reads which system this is.
func Release() (id, version, name string) {
	content, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", "", "a system without /etc/os-release"
	}
	return parseRelease(string(content))
}

func parseRelease(content string) (id, version, name string) {
	values := map[string]string{}
	for line := range strings.Lines(content) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[key] = strings.Trim(value, `"'`)
		}
	}
	return values["ID"], values["VERSION_ID"], values["PRETTY_NAME"]
}

// kernelSettings are the settings that the kubelet changes at its start.
var kernelSettings = []struct{ name, value string }{
	{"vm.overcommit_memory", "1"},
	{"vm.panic_on_oom", "0"},
	{"kernel.panic", "10"},
	{"kernel.panic_on_oops", "1"},
	{"kernel.keys.root_maxkeys", "1000000"},
	{"kernel.keys.root_maxbytes", "25000000"},
}

// KernelChanges returns the kernel settings that the kubelet will change.
func KernelChanges() []string { return kernelChanges("/proc/sys") }

func kernelChanges(root string) []string {
	var changes []string
	for _, s := range kernelSettings {
		content, err := os.ReadFile(filepath.Join(root, strings.ReplaceAll(s.name, ".", "/"))) //nolint:gosec // Settings of the list above.
		if now := strings.TrimSpace(string(content)); err == nil && now != s.value {
			changes = append(changes, fmt.Sprintf("%s from %s to %s", s.name, now, s.value))
		}
	}
	return changes
}
