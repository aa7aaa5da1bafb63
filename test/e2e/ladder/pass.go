// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package ladder

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Pass is one story that has passed.
type Pass struct {
	Story string `json:"story"`
	// Key says what was tested: program, cluster and tests.
	Key     string    `json:"key"`
	At      time.Time `json:"at"`
	Seconds float64   `json:"seconds"`
}

func (p Pass) took() time.Duration { return time.Duration(p.Seconds * float64(time.Second)) }

// ReadPasses reads what Append has written, oldest first. A file that does not exist is
// empty. A line that cannot be read is not a pass: its process was killed while it wrote,
// and its story runs again.
func ReadPasses(path string) ([]Pass, error) {
	b, err := os.ReadFile(path) //nolint:gosec // A file of our own.
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var passes []Pass
	for line := range bytes.Lines(b) {
		var p Pass
		if json.Unmarshal(line, &p) == nil && p.Story != "" {
			passes = append(passes, p)
		}
	}
	return passes, nil
}

// Append adds a pass to the file, with one write.
func (p Pass) Append(path string) error {
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // A file of our own.
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// latest is the newest pass of each story.
func latest(passes []Pass) map[string]Pass {
	last := map[string]Pass{}
	for _, p := range passes {
		if p.At.After(last[p.Story].At) {
			last[p.Story] = p
		}
	}
	return last
}

func passedWith(passes []Pass, story, key string) bool {
	return slices.ContainsFunc(passes, func(p Pass) bool { return p.Story == story && p.Key == key })
}
