// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package when_test

import (
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/when"
)

// The operator, which serves all clusters, evaluates every trigger.
const (
	mostTime  = 2 * time.Second
	mostBytes = 32 << 20
)

// TestLargest measures the worst expressions that are allowed, over an object that is
// as large as a status may remember.
func TestLargest(t *testing.T) { //nolint:paralleltest // It measures the memory of the process.
	for name, expression := range map[string]string{
		"brackets":  strings.Repeat("(", 500) + "true" + strings.Repeat(")", 500),
		"a path":    "new.spec" + strings.Repeat(".a", 500) + " == nil",
		"paths":     strings.Repeat("new.spec.a == old.spec.b or ", 35) + "true",
		"texts":     strings.Repeat("string(new.spec.template)+", 35) + `"" == ""`,
		"negations": strings.Repeat("!", 1000) + "true",
		"patterns":  strings.Repeat(`new.spec.big matches "\\PL*" or `, 30) + "true",
		"powers":    strings.Repeat("9**", 300) + "9 == 1",
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := measured(t, expression); err != nil && strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("not one line: %q", err)
			}
		})
	}
}

// FuzzWhen checks that any expression ends soon and without much memory, never panics,
// remembers nothing that is hidden, and that a change counts only without an error.
func FuzzWhen(f *testing.F) {
	for _, seed := range []string{
		"", "old." + image + " != new." + image, "new.spec.replicas < old.spec.replicas", `old.metadata.labels["a.b/c"] != new.metadata.labels["a.b/c"]`,
		"old?.spec?.replicas ?? 1 == 1", "old.spec.template != new.spec.template", "old[new.kind] == $env", "old.spec.template.spec.containers[0].env == nil",
		`new.kind matches "^D" and not (new.metadata.name in ["a", "b"])`, "old.spec[0:2] == new", "{old: new}.old == nil", `new.kind.upper() | len() > 1`, `old["spec"]['x'].y == nil`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		kept, counts, err := measured(t, expression)
		if strings.Contains(kept, "SECRET") {
			t.Errorf("keeps a secret: %s", kept)
		}
		if counts && err != nil {
			t.Errorf("counts beside the error %v", err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r\x1b") {
			t.Errorf("not one line: %q", err)
		}
	})
}

// measured compiles an expression and evaluates it over a change.
func measured(t *testing.T, expression string) (kept string, counts bool, err error) {
	t.Helper()
	before, after := object(t), object(t, "replicas: 3", "replicas: 4\n  big: "+strings.Repeat("x", when.MaxValues-20))
	start, bytes := time.Now(), allocated()
	program, err := when.Compile(expression)
	if err == nil {
		kept, err = program.Values(before)
	}
	if err == nil {
		counts, err = program.Eval(kept, after)
	}
	if took, bytes := time.Since(start), allocated()-bytes; took > mostTime || bytes > mostBytes {
		t.Errorf("took %s and %d bytes", took, bytes)
	}
	return kept, counts, err
}

// allocated returns the bytes allocated so far. They are never fewer than those in use.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
