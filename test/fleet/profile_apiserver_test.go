//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// overlay adds a handler for heap profiles to the program of the operator, if they are
// wanted. Nothing of that is in the product.
func overlay(b *testing.B) string {
	b.Helper()
	files := map[string]string{}
	if *profile != "" {
		to, err := filepath.Abs(checkout + "/cmd/operator/profile.go")
		if err != nil {
			b.Fatal(err)
		}
		if files[to], err = filepath.Abs("testdata/profile.go.txt"); err != nil {
			b.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": files})
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "overlay.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		b.Fatal(err)
	}
	return file
}

// writeProfile asks for a heap profile, if they are wanted, and prints what holds most.
func (f *fleet) writeProfile(b *testing.B, o *operator, when string) {
	b.Helper()
	if *profile == "" {
		return
	}
	if err := o.process.Process.Signal(syscall.SIGUSR1); err != nil {
		b.Fatal(err)
	}
	for {
		if _, err := os.Stat(o.profile); err == nil {
			break
		}
		pause(f.ctx, b, 100*time.Millisecond)
	}
	file := filepath.Join(*profile, fmt.Sprintf("heap-%d-%s.pb.gz", f.clusters, when))
	text, err := os.ReadFile(o.profile)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err == nil {
		err = os.Remove(o.profile)
	}
	if err != nil {
		b.Fatalf("cannot keep a heap profile: %v", err)
	}
	top, err := exec.CommandContext(f.ctx, "go", "tool", "pprof", "-top", "-sample_index=inuse_space", "-nodecount=15", *program, file).Output()
	if err != nil {
		b.Fatalf("cannot read the heap profile %s: %v", file, err)
	}
	fmt.Printf("MEASURED heap profile %s\n%s", file, top)
}
