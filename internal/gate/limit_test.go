// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package gate_test

import (
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/gate"
)

// A gate is checked in the operator, which serves all clusters, and evaluated in a
// pod with 256Mi. These limits are far below what either can bear.
const (
	mostTime  = 2 * time.Second
	mostBytes = 32 << 20
)

// TestGateHasAnEnd checks that a gate that would never end, or would fill the memory
// of the pod, is refused at once with the reason.
func TestGateHasAnEnd(t *testing.T) {
	doubled := `let a = run.cluster + run.cluster; ` + strings.Repeat(`let a = a + a; `, 60) + `len(a) > 1`
	for name, tc := range map[string]struct{ expression, wantErr string }{
		"a text doubled for ever":            {doubled, "uses let"},
		"a range":                            {`len(1..1000000000) > 1`, "uses a range"},
		"a range in a list":                  {`2 in [1, 2..3]`, "uses a range"},
		"loops over a list":                  {`all([1, 2], all([1, 2], all([1, 2], true)))`, "uses the function all"},
		"loops in another spelling":          {`[1, 2] | map(# * 2) | count(# > 1) > 0`, "uses the function"},
		"a long text":                        {`len(repeat("x", 999999)) > 1`, "uses the function repeat"},
		"a text that grows by its own size":  {`len(replace(run.cluster, "", run.cluster)) > 1`, "uses the function replace"},
		"the facts as a text in a text":      {`toJSON($env) contains "x"`, "uses the function toJSON"},
		"a pattern of a million states":      {`run.type matches "` + strings.Repeat(`(x?){999}`, 200) + `"`, "uses matches"},
		"a pattern that nobody can read":     {`run.type matches "(x?)" + "{999}"`, "uses matches"},
		"longer than the CRD allows":         {`"` + strings.Repeat("x", gate.MaxLength) + `" == ""`, "is longer than 2048 characters"},
		"a megabyte of brackets":             {strings.Repeat("(", 1<<20), "is longer than 2048 characters"},
		"a function that there is not":       {`system("id")`, "does not compile"},
		"a name that fills a message":        {strings.Repeat("x", 2000), "does not compile: unknown name xxx"},
		"control characters in a name":       {"`a\r\x1b[31mb` + 1 == 1", "does not compile"},
		"brackets without an end":            {strings.Repeat("(", 2000), "does not compile"},
		"not a boolean":                      {`run`, "does not compile"},
		"a field of a field that is not one": {`run.type.type.type`, "does not compile"},
	} {
		t.Run(name, func(t *testing.T) {
			err := measured(t, tc.expression)
			if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
				t.Fatalf("error is %v, want one with %q", err, tc.wantErr)
			}
			if text := err.Error(); strings.ContainsAny(text, "\n\r\x1b") || len(text) > 300 {
				t.Errorf("not one short line: %q", text)
			}
		})
	}
}

// TestLargestGates measures the worst gates that are allowed.
func TestLargestGates(t *testing.T) {
	for name, expression := range map[string]string{
		"brackets":          strings.Repeat("(", 1000) + "true" + strings.Repeat(")", 1000),
		"negations":         strings.Repeat("!", 2000) + "true",
		"lists in lists":    strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + " != nil",
		"sums":              strings.Repeat("1+", 1000) + "1 > 1",
		"texts":             strings.Repeat(`"a"+`, 500) + `"a" == ""`,
		"facts as texts":    strings.Repeat(`string($env)+`, 150) + `"" == ""`,
		"calls":             strings.Repeat(`upper(`, 300) + `run.cluster` + strings.Repeat(`)`, 300) + ` == ""`,
		"patterns":          strings.Repeat(`run.type matches "\\PL*" or `, 70) + "true",
		"a pattern":         `run.type matches "` + strings.Repeat(`(x*)*`, 400) + `"`,
		"classes":           `run.type matches "` + strings.Repeat(`\\PL`, 500) + `"`,
		"powers":            strings.Repeat("9**", 600) + "9 == 1",
		"a zone of nowhere": `now().In(timezone("../../etc/passwd")).Hour() == 1`,
		"a nil zone":        `now().In(nil).Hour() == 1`,
		"no such date":      `date("\x00").Year() == 1`,
	} {
		t.Run(name, func(t *testing.T) {
			if err := measured(t, expression); err != nil && strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("not one line: %q", err)
			}
		})
	}
}

// FuzzOpen checks that any gate ends soon, without much memory, and lets a run
// through only if it is true.
func FuzzOpen(f *testing.F) {
	for _, seed := range []string{
		`run.type == "full"`, `lastFull == nil || lastFull.age < duration("192h")`, `lastFull?.age ?? duration("1h") > duration("2h")`,
		`run.type != "full" || run.trigger == "manual" || now().In(timezone("Europe/Vienna")).Hour() < 6`,
		`let a = "x"; a + a == "xx"`, `all(1..9, # > 0)`, `run.type in ["full", "diff"]`, `repo.cipher matches "^aes" and not false`,
		`if run.type == "full" { true } else { postgres.databaseBytes > 1e9 }`, `"a"[0:9] == $env["run"].type`, `{"a": 1}.a == 1`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		err := gate.Check(expression)
		if measuredErr := measured(t, expression); err != nil && (measuredErr == nil || measuredErr.Error() != err.Error()) {
			t.Errorf("Check says %v, Open %v", err, measuredErr)
		}
	})
}

// measured opens a gate and returns its error.
func measured(t *testing.T, expression string) error {
	t.Helper()
	facts := gate.Facts{Run: gate.Run{Type: "full", Cluster: strings.Repeat("x", 63)}, LastFull: &gate.Backup{}}
	start, before := time.Now(), allocated()
	open, err := gate.Open(expression, facts)
	if took, bytes := time.Since(start), allocated()-before; took > mostTime || bytes > mostBytes {
		t.Errorf("took %s and %d bytes", took, bytes)
	}
	if open && err != nil {
		t.Errorf("open beside the error %v", err)
	}
	return err
}

// allocated returns the bytes allocated so far. They are never fewer than those in
// use.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
