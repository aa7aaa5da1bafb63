// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/goldentest"
	"github.com/stanzaflow/stanzaflow/internal/submit"
)

// lookedAt is when a person asks about testdata/inspect/world.yaml.
var lookedAt = time.Date(2026, time.November, 29, 15, 50, 0, 0, time.UTC)

// TestInspect shows what a person sees who asks.
func TestInspect(t *testing.T) {
	cases := map[string]struct {
		args   string
		code   int
		change func(*fakeAPI)
	}{
		"status":                    {args: "status -n shop"},
		"status-one":                {args: "status orders -n shop"},
		"status-all":                {args: "status -A"},
		"status-wide":               {args: "status -n shop -o wide"},
		"status-yaml":               {args: "status customers -n shop -o yaml"},
		"status-none":               {args: "status -n empty"},
		"status-unknown":            {args: "status order -n shop", code: 1},
		"status-unknown-far":        {args: "status wiki -n shop", code: 1},
		"status-unknown-empty":      {args: "status wiki -n empty", code: 1},
		"status-forbidden":          {args: "status -A", code: 1, change: forbid("stanzas")},
		"status-output":             {args: "status -o jsn", code: submit.ExitUsage},
		"status-two":                {args: "status orders customers", code: submit.ExitUsage},
		"status-one-and-all":        {args: "status orders -A", code: submit.ExitUsage},
		"status-help":               {args: "status --help"},
		"explain":                   {args: "explain orders -n shop"},
		"explain-json":              {args: "explain orders -n shop -o json"},
		"explain-fine":              {args: "explain customers -n shop"},
		"explain-blind":             {args: "explain ledger -n billing"},
		"explain-little":            {args: "explain orders -n shop", change: forbid("postgresqls", "workflows", "cronworkflows", "workflowtemplates")},
		"explain-none":              {args: "explain", code: submit.ExitUsage},
		"backups":                   {args: "backups orders -n shop"},
		"backups-none":              {args: "backups customers -n shop"},
		"runs":                      {args: "runs orders -n shop"},
		"runs-forbidden":            {args: "runs orders -n shop", change: forbid("workflows")},
		"logs":                      {args: "logs pgbackrest-orders-repo1-full-1795919400 -n shop"},
		"logs-unknown":              {args: "logs pgbackrest-orders-repo1-full-1795919401 -n shop", code: 1},
		"logs-none":                 {args: "logs", code: submit.ExitUsage},
		"expire":                    {args: "expire orders -n shop --dry-run"},
		"expire-after-full":         {args: "expire orders -n shop --dry-run --after full"},
		"expire-without-dry-run":    {args: "expire orders -n shop", code: submit.ExitUsage},
		"expire-after":              {args: "expire orders -n shop --dry-run --after monthly", code: submit.ExitUsage},
		"expire-forbidden":          {args: "expire orders -n shop --dry-run", code: 1, change: forbid("postgresqls")},
		"expire-help":               {args: "expire --help"},
		"restore":                   {args: "restore"},
		"restore-plan-help":         {args: "restore plan --help"},
		"restore-plan-none":         {args: "restore plan --to latest", code: submit.ExitUsage},
		"restore-plan-without-to":   {args: "restore plan orders -n shop", code: submit.ExitUsage},
		"restore-plan-no-time":      {args: "restore plan orders -n shop --to yesterday", code: submit.ExitUsage},
		"restore-plan-no-zone":      {args: "restore plan orders -n shop --to 2026-11-28T14:03 --zone Vienna", code: submit.ExitUsage},
		"restore-plan-no-repo":      {args: "restore plan orders -n shop --to latest --repo s3", code: submit.ExitUsage},
		"restore-plan-without-set":  {args: "restore plan orders -n shop --to immediate", code: submit.ExitUsage},
		"restore-plan-no-pod":       {args: "restore plan orders -n shop --to latest", code: 1},
		"doctor":                    {args: "doctor -n shop", code: 1},
		"doctor-json":               {args: "doctor -n shop -o json", code: 1, change: withoutWatch},
		"doctor-little":             {args: "doctor -n shop", change: forbid("deployments", "pods", "validatingadmissionpolicies", "cronworkflows", "workflowtemplates")},
		"doctor-argument":           {args: "doctor orders", code: submit.ExitUsage},
		"doctor-no-kubernetes":      {args: "doctor --kubeconfig missing", code: 1},
		"complete-cluster":          {args: "__complete status -n shop "},
		"complete-run":              {args: "__complete logs -n shop "},
		"complete-after":            {args: "__complete expire orders --after "},
		"complete-unreadable":       {args: "__complete explain -n shop ", change: forbid("stanzas")},
		"complete-no-second-thing":  {args: "__complete explain orders "},
		"complete-output-of-status": {args: "__complete status -o "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			withoutKubernetes(t)
			change := []func(*fakeAPI){}
			if tc.change != nil {
				change = append(change, tc.change)
			}
			config := newFakeAPI(t, change...)
			args := append([]string{"kubectl-stanzaflow"}, strings.Fields(tc.args)...)
			if strings.HasSuffix(tc.args, " ") {
				args = append(args, "")
			}
			if !strings.Contains(tc.args, "--kubeconfig") {
				t.Setenv("KUBECONFIG", config)
			}
			got := programAt(t, lookedAt, os.DevNull, args...)
			if got.code != tc.code {
				t.Errorf("exit code %d, want %d", got.code, tc.code)
			}
			goldentest.Check(t, "testdata/inspect/"+name+".golden", got.String())
		})
	}
	files, err := filepath.Glob("testdata/inspect/*.golden")
	if err != nil || len(files) != len(cases) {
		t.Errorf("%d golden files for %d cases, error %v", len(files), len(cases), err)
	}
}

// forbid has the API server refuse to show some resources.
func forbid(resources ...string) func(*fakeAPI) {
	return func(f *fakeAPI) {
		for _, resource := range resources {
			f.forbidden[resource] = true
		}
	}
}

// TestStructuredAnswers: JSON and YAML say the same, and nothing else is on stdout.
func TestStructuredAnswers(t *testing.T) {
	for _, args := range []string{
		"status -A", "status orders -n shop", "explain orders -n shop", "backups orders -n shop", "runs orders -n shop", "expire orders -n shop --dry-run", "doctor -n shop",
		"status -n empty", "backups -n empty", "runs -n empty",
	} {
		t.Run(args, func(t *testing.T) {
			withoutKubernetes(t)
			t.Setenv("KUBECONFIG", newFakeAPI(t))
			ask := func(format string) string {
				return programAt(t, lookedAt, os.DevNull, append([]string{"operator"}, strings.Fields(args+" -o "+format)...)...).stdout
			}
			asJSON := ask("json")
			if !json.Valid([]byte(asJSON)) {
				t.Fatalf("it is no JSON:\n%s", asJSON)
			}
			converted, err := yaml.YAMLToJSON([]byte(ask("yaml")))
			if err != nil {
				t.Fatal(err)
			}
			var fromYAML, fromJSON any
			if err := json.Unmarshal(converted, &fromYAML); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(asJSON), &fromJSON); err != nil {
				t.Fatal(err)
			}
			first, _ := json.Marshal(fromYAML)
			second, _ := json.Marshal(fromJSON)
			if string(first) != string(second) {
				t.Errorf("YAML and JSON differ:\n%s\n%s", first, second)
			}
		})
	}
}

// TestShowsColours: a file is no terminal.
func TestShowsColours(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if showsColours(file) || showsColours(&strings.Builder{}) {
		t.Error("a file and a pipe show colours")
	}
}

// TestDocumentShowsRealOutput: each example of docs/kubectl.md that begins with a command
// is what that command prints.
func TestDocumentShowsRealOutput(t *testing.T) {
	page, err := os.ReadFile("../../docs/kubectl.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		command, rest, _ := strings.Cut(string(text), "\n")
		_, stdout, _ := strings.Cut(rest, "== stdout ==\n")
		outputs[strings.Replace(command, "kubectl-stanzaflow", "kubectl stanzaflow", 1)+"\n"+stdout] = true
	}
	found := 0
	for _, block := range strings.Split(string(page), "```")[1:] {
		_, block, _ = strings.Cut(block, "\n")
		if !strings.HasPrefix(block, "$ ") {
			continue
		}
		found++
		if !outputs[block] {
			t.Errorf("no golden file has this:\n%s", block)
		}
	}
	if found < 7 {
		t.Errorf("%d examples, want one of each command", found)
	}
}

// TestShowsColoursOnATerminal: only there, and not if somebody asks for none.
func TestShowsColoursOnATerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = terminal.Close() }()
	for name, tc := range map[string]struct {
		noColor, term string
		want          bool
	}{
		"a terminal":         {"", "xterm", true},
		"NO_COLOR":           {"1", "xterm", false},
		"a terminal without": {"", "dumb", false},
	} {
		t.Setenv("NO_COLOR", tc.noColor)
		t.Setenv("TERM", tc.term)
		if got := showsColours(terminal); got != tc.want {
			t.Errorf("%s: colours %v, want %v", name, got, tc.want)
		}
	}
}
