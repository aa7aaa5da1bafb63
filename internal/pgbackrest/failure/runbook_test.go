// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRunbook(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		step string
		code int
		want string
	}{
		{"backup", 55, "docs/runbook.md#055-file-missing"},
		{"expire", 105, "docs/runbook.md#105-access"},
		{"precheck", 0, "docs/runbook.md#precheck"},
		{"verify", 0, "docs/runbook.md#verify"},
		{"backup", UnknownCode, "docs/runbook.md#no-exit-code"},
		{"backup", 127, "docs/runbook.md#not-started"},
		{"backup", 137, "docs/runbook.md#killed"},
		{"backup", 139, "docs/runbook.md#crashed"},
		{"backup", 26, "docs/runbook.md#any-other-code"},
		{"backup", 255, "docs/runbook.md#any-other-code"},
	} {
		if got := Runbook(tc.step, tc.code); got != tc.want {
			t.Errorf("Runbook(%q, %d) = %q, want %q", tc.step, tc.code, got, tc.want)
		}
	}
}

// doing is what the runbook calls a class.
var doing = map[Class]string{Wait: "waits", Retry: "tries again", Resolve: "finds the primary again", Stop: "stops"}

// otherwise is the row of a section for a message that fits no other.
const otherwise = ""

func readRunbook(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", runbook))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestRunbookSaysWhatTheRulesDo: each row of a section has one or more of the
// texts of the rules, in code, and what Stanzaflow does then. No rule is without
// a row, and no row without a rule.
func TestRunbookSaysWhatTheRulesDo(t *testing.T) {
	t.Parallel()
	text := readRunbook(t)
	want := map[string]map[string]string{}
	for code := UnknownCode; code <= 255; code++ {
		if code == 0 {
			continue
		}
		name := section("", code)
		if want[name] == nil {
			want[name] = map[string]string{}
		}
		want[name][otherwise] = doing[Diagnose(code, fmt.Sprintf("ERROR: [%03d]: x", max(code, 0))).Class]
	}
	for _, r := range rules {
		want[section("", r.code)][r.text] = doing[r.class]
	}
	got := runbookRows(text)
	for name := range got {
		if want[name] == nil {
			t.Errorf("%s has the section %s, which no code leads to", runbook, name)
		}
	}
	for name, rows := range want {
		if diff := cmp.Diff(rows, got[name]); diff != "" {
			t.Errorf("%s, section %s (-rules +runbook):\n%s", runbook, name, diff)
		}
	}
}

var (
	runbookRow  = regexp.MustCompile(`^\| (.+?) \| ([a-z ]+) \| .+ \|$`)
	runbookText = regexp.MustCompile("`([^`]+)`")
)

// runbookRows are, for each section with a table of codes, the texts and what is
// done for them.
func runbookRows(markdown string) map[string]map[string]string {
	sections := map[string]map[string]string{}
	_, markdown, _ = strings.Cut(markdown, "\n## pgBackRest's codes\n")
	var rows map[string]string
	for line := range strings.Lines(markdown) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "### "); ok {
			rows = map[string]string{}
			sections[strings.NewReplacer("[", "", "]", "", " ", "-").Replace(heading)] = rows
		}
		match := runbookRow.FindStringSubmatch(line)
		switch {
		case match == nil:
		case strings.HasPrefix(match[1], "anything"):
			rows[otherwise] = match[2]
		default:
			for _, text := range runbookText.FindAllStringSubmatch(match[1], -1) {
				rows[text[1]] = match[2]
			}
		}
	}
	return sections
}

// TestRunbookKeepsTheOrderOfTheRules: the first that fits decides, in both.
func TestRunbookKeepsTheOrderOfTheRules(t *testing.T) {
	t.Parallel()
	text := readRunbook(t)
	for _, r := range rules {
		_, after, _ := strings.Cut(text, "\n### "+strings.Replace(fmt.Sprintf("[%03d] %s", r.code, codeName(r.code)), "[-01]", "", 1)+"\n")
		after, _, _ = strings.Cut(after, "\n### ")
		var places []int
		for _, other := range rules {
			if other.code == r.code && other.text != "" {
				places = append(places, strings.Index(after, "`"+other.text+"`"))
			}
		}
		if !slices.IsSorted(places) {
			t.Errorf("the rows of code %d are not in the order of the rules", r.code)
		}
	}
}
