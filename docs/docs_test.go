// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package docs_test checks the documents against the code.
package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/expression"
	"github.com/stanzaflow/stanzaflow/internal/gate"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/step"
	"github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/when"
)

const root = ".."

// TestConditionsHasEveryReason shows that a person can look up every reason of a status.
func TestConditionsHasEveryReason(t *testing.T) {
	text := readFile(t, "conditions.md")
	found := 0
	for name, value := range constants(t, "internal/vocab/condition.go") {
		if !strings.HasPrefix(name, "Reason") && !strings.HasPrefix(name, "Condition") {
			continue
		}
		found++
		if !strings.Contains(text, "`"+value+"`") {
			t.Errorf("conditions.md does not explain %s, `%s`", name, value)
		}
	}
	if found < 30 {
		t.Fatalf("found %d conditions and reasons, which cannot be all", found)
	}
}

// TestDocumentsNameReasonsThatExist finds a renamed reason in the first column of a
// table.
func TestDocumentsNameReasonsThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, value := range constants(t, "internal/vocab/condition.go") {
		known[value] = true
	}
	for _, row := range firstColumns(readFile(t, "conditions.md")) {
		for _, span := range spans(row) {
			if !known[span] {
				t.Errorf("conditions.md names `%s`, which is neither a condition nor a reason", span)
			}
		}
	}
}

// folder matches the folders of the repository that a path in a document begins with.
var folder = regexp.MustCompile(`^(api|cmd|deploy|docs|examples|hack|internal|test|workflows)/[A-Za-z0-9_./-]+$`)

// TestDocumentsNamePathsThatExist checks paths in code within sentences: relative to
// the document or to the top of the repository.
func TestDocumentsNamePathsThatExist(t *testing.T) {
	found := 0
	for _, file := range documents(t) {
		for _, path := range spans(readFile(t, file)) {
			if !folder.MatchString(path) {
				continue
			}
			found++
			if !exists(filepath.Join(root, path)) && !exists(filepath.Join(filepath.Dir(file), path)) {
				t.Errorf("%s: there is no %s", file, path)
			}
		}
	}
	if found < 100 {
		t.Fatalf("found %d paths, which cannot be all", found)
	}
}

// TestArchitectureNamesPathsThatExist is stricter: there a path is all code with a
// slash in it, and all code in the first column of a table.
func TestArchitectureNamesPathsThatExist(t *testing.T) {
	text := readFile(t, "architecture.md")
	var paths []string
	for _, row := range firstColumns(text) {
		paths = append(paths, spans(row)...)
	}
	for _, span := range spans(text) {
		if strings.Contains(span, "/") {
			paths = append(paths, span)
		}
	}
	paths = slices.DeleteFunc(paths, func(p string) bool { return strings.Contains(p, " ") })
	if len(paths) < 20 {
		t.Fatalf("found %d paths, which cannot be all", len(paths))
	}
	for _, path := range paths {
		if !exists(filepath.Join(root, path)) {
			t.Errorf("architecture.md: there is no %s", path)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

var productFile = regexp.MustCompile(`(?m)^[0-9]+\. `)

// TestChangingKeepsItsLimits counts the product files of a change. A change that needs
// more shows that a wall is in the wrong place.
func TestChangingKeepsItsLimits(t *testing.T) {
	limits := map[string]int{"A storage": 3, "A kind of run": 12, "A metric": 2, "What CPO breaks": 1}
	sections := strings.Split(readFile(t, "changing.md"), "\n## ")[1:]
	if len(sections) != 14 {
		t.Errorf("changing.md has %d changes, want 14", len(sections))
	}
	for _, section := range sections {
		title, text, _ := strings.Cut(section, "\n")
		limit, limited := limits[title]
		delete(limits, title)
		if files := len(productFile.FindAllString(text, -1)); files == 0 || limited && files > limit {
			t.Errorf("changing.md: %s has %d product files, want 1 to %d", title, files, limit)
		}
	}
	if len(limits) > 0 {
		t.Errorf("changing.md has no section %v", limits)
	}
}

// TestGlossaryWordsAreUsed finds a word that nothing uses any more: in the API, in
// another document or in the names of the vocabulary.
func TestGlossaryWordsAreUsed(t *testing.T) {
	text := readFile(t, filepath.Join(root, "api/v1alpha1/stanza.go")) + readFile(t, filepath.Join(root, "internal/vocab/name.go"))
	for _, file := range documents(t) {
		if filepath.Base(file) != "glossary.md" {
			text += readFile(t, file)
		}
	}
	words := firstColumns(readFile(t, "glossary.md"))[2:]
	if len(words) < 15 {
		t.Fatalf("found %d words, which cannot be all", len(words))
	}
	for _, word := range words {
		if word = strings.TrimSpace(word); !regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(word)).MatchString(text) {
			t.Errorf("glossary.md explains %q, which nothing uses", word)
		}
	}
}

// TestGateExamples shows that each example compiles, and that none fails while there
// is no backup yet.
func TestGateExamples(t *testing.T) {
	backup := &gate.Backup{Age: time.Hour, DatabaseBytes: 100, RepoBytes: 10}
	some := gate.Facts{
		Postgres: gate.Postgres{DatabaseBytes: 100}, Repo: gate.Repo{Cipher: "none"},
		LastBackup: backup, LastFull: backup, LastDiff: backup, LastIncr: backup,
	}
	examples := fences(readFile(t, "gate.md"), "expr")
	if len(examples) < 6 {
		t.Fatalf("found %d examples, which cannot be all", len(examples))
	}
	for _, example := range examples {
		if err := gate.Check(example); err != nil {
			t.Errorf("%s: %v", example, err)
		}
		for _, backupType := range []string{"full", "diff", "incr"} {
			for name, facts := range map[string]gate.Facts{"an empty repo": {}, "a repo with backups": some} {
				facts.Run.Type = backupType
				if _, err := gate.Open(example, facts); err != nil {
					t.Errorf("%s with %s and %s: %v", example, name, backupType, err)
				}
			}
		}
	}
}

// TestTriggerExamples shows that triggers.md can be copied: each expression compiles, and
// the Stanza has no Problem. And it lists every function.
func TestTriggerExamples(t *testing.T) {
	text := readFile(t, "triggers.md")
	examples := fences(text, "expr")
	if len(examples) < 4 {
		t.Fatalf("found %d expressions, which cannot be all", len(examples))
	}
	for _, example := range examples {
		if _, err := when.Compile(example); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
	var stanza stanzaflowv1alpha1.Stanza
	if err := yaml.UnmarshalStrict([]byte(fences(text, "yaml")[0]), &stanza); err != nil {
		t.Fatal(err)
	}
	planned := trigger.Plan(trigger.Input{
		Cluster: cpo.Postgresql{PgBackRest: &cpo.PgBackRest{Repos: []cpo.Repo{{Name: "repo1"}, {Name: "repo2"}}}},
		Stanza:  stanza.Spec, Repos: []string{"repo1", "repo2"},
	})
	if len(planned.Problems) > 0 || len(planned.Triggers) < 5 {
		t.Errorf("%d triggers, %+v", len(planned.Triggers), planned.Problems)
	}
	for _, name := range expression.Functions {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("triggers.md does not name the function %s", name)
		}
	}
}

var fact = regexp.MustCompile("`expr:\"([A-Za-z]+)\" ")

// TestGateNamesEveryFact looks for the name that an expression uses.
func TestGateNamesEveryFact(t *testing.T) {
	text := readFile(t, "gate.md")
	facts := fact.FindAllStringSubmatch(readFile(t, filepath.Join(root, "internal/gate/facts.go")), -1)
	if len(facts) < 30 {
		t.Fatalf("found %d facts, which cannot be all", len(facts))
	}
	for _, match := range facts {
		if !strings.Contains(text, "."+match[1]+"`") && !strings.Contains(text, "`"+match[1]+"`") && !strings.Contains(text, "`"+match[1]+".") {
			t.Errorf("gate.md does not name the fact %s", match[1])
		}
	}
}

// TestRunbookHasEverySection shows that the link of every failure leads to a heading,
// for every step and exit code.
func TestRunbookHasEverySection(t *testing.T) {
	targets := map[string]bool{}
	for _, name := range step.Names {
		for code := failure.UnknownCode; code <= 255; code++ {
			targets[failure.Runbook(name, code)] = true
		}
	}
	for target := range targets {
		path, anchor, _ := strings.Cut(target, "#")
		if !slices.Contains(anchors(readFile(t, filepath.Join(root, path))), anchor) {
			t.Errorf("%s has no heading #%s", path, anchor)
		}
	}
}

// TestRunbookNamesReasonsThatExist shows that the reasons on a Stanza have sections of
// the same name.
func TestRunbookNamesReasonsThatExist(t *testing.T) {
	reasons := constants(t, "internal/vocab/condition.go")
	for _, name := range []string{"ReasonOverdue", "ReasonHeld", "ReasonRetentionFailed"} {
		if !slices.Contains(anchors(readFile(t, "runbook.md")), strings.ToLower(reasons[name])) {
			t.Errorf("runbook.md has no heading %s", reasons[name])
		}
	}
}

var (
	makeCommand = regexp.MustCompile(`\bmake((?: [a-z][a-z-]*)+)`)
	makeTarget  = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
)

// TestMakeTargetsExist checks every make command in code.
func TestMakeTargetsExist(t *testing.T) {
	targets := map[string]bool{}
	for _, match := range makeTarget.FindAllStringSubmatch(readFile(t, filepath.Join(root, "Makefile")), -1) {
		targets[match[1]] = true
	}
	found := 0
	for _, file := range documents(t) {
		text := readFile(t, file)
		for _, code := range append(spans(text), fences(text, "")...) {
			for _, match := range makeCommand.FindAllStringSubmatch(code, -1) {
				for target := range strings.FieldsSeq(match[1]) {
					found++
					if !targets[target] {
						t.Errorf("%s: the Makefile has no target %s", file, target)
					}
				}
			}
		}
	}
	if found < 10 {
		t.Fatalf("found %d commands, which cannot be all", found)
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestOneFieldManagerInstalls checks the commands that apply the definition of
// postgresql. With a field manager of its own the API server refuses to replace CPO's,
// whoever wrote that; kubectl's default may be CPO's, too.
func TestOneFieldManagerInstalls(t *testing.T) {
	const want = "kubectl apply --server-side --field-manager=stanzaflow-install "
	overlays, err := filepath.Glob("../deploy/overlays/*/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range append(documents(t), overlays...) {
		for line := range strings.Lines(readFile(t, file)) {
			if !strings.Contains(line, "kubectl apply") || !regexp.MustCompile(`install\.yaml|deploy/crds|mine/operator|mine/namespaced|deploy/overlays/\S+$`).MatchString(strings.TrimSpace(line)) ||
				strings.Contains(line, "overlays/alongside-workflows") {
				continue
			}
			found++
			if !strings.Contains(line, want) {
				t.Errorf("%s: want %q in %s", file, want, line)
			}
		}
	}
	if found < 9 {
		t.Errorf("%d commands prove nothing", found)
	}
}

// TestLinksLeadSomewhere shows that every link leads to a file and to a heading of it.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, file := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(withoutCode(readFile(t, file)), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			path := file
			if target != "" {
				path = filepath.Join(filepath.Dir(file), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: link to %s: %v", file, match[1], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(readFile(t, path)), anchor) {
				t.Errorf("%s: %s has no heading #%s", file, path, anchor)
			}
		}
	}
}

var changeKinds = []string{"breaking", "added", "changed", "deprecated", "removed", "fixed", "security"}

// TestChangesHaveAKind shows that a fragment is front matter and a few sentences.
func TestChangesHaveAKind(t *testing.T) {
	files, err := filepath.Glob("changes/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		kind, text, ok := strings.Cut(strings.TrimPrefix(readFile(t, file), "---\nkind: "), "\n---\n")
		if !ok || filepath.Ext(file) != ".md" || !slices.Contains(changeKinds, kind) || strings.TrimSpace(text) == "" {
			t.Errorf("%s must be front matter with one of the kinds %v, and a sentence", file, changeKinds)
		}
	}
}

// TestChangelogLeavesChangesToFragments refuses a list beside the fragments, because
// nobody keeps both complete.
func TestChangelogLeavesChangesToFragments(t *testing.T) {
	_, text, found := strings.Cut(readFile(t, filepath.Join(root, "CHANGELOG.md")), "## Unreleased")
	text, _, _ = strings.Cut(text, "\n## ")
	if !found || strings.Contains(text, "\n- ") {
		t.Errorf("CHANGELOG.md must have a section Unreleased without a list: a change is a fragment in docs/changes")
	}
}

// documents returns the Markdown files of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "bin" || entry.Name() == "dist" || entry.Name() == "testdata"):
			return filepath.SkipDir
		case !entry.IsDir() && filepath.Ext(path) == ".md":
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 15 {
		t.Fatalf("found %d documents, which cannot be all", len(files))
	}
	return files
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// constants returns the string constants of a Go file.
func constants(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			if i >= len(spec.Values) {
				break
			}
			if literal, ok := spec.Values[i].(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if value, err := strconv.Unquote(literal.Value); err == nil {
					values[name.Name] = value
				}
			}
		}
		return true
	})
	return values
}

var (
	fence = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```$")
	span  = regexp.MustCompile("`([^`\n]+)`")
	row   = regexp.MustCompile(`(?m)^\|([^|]*)\|`)
)

// fences returns the code blocks of a language, or all of them.
func fences(text, language string) []string {
	var blocks []string
	for _, match := range fence.FindAllStringSubmatch(text, -1) {
		if language == "" || match[1] == language {
			blocks = append(blocks, strings.TrimSpace(match[2]))
		}
	}
	return blocks
}

// spans returns the code within sentences.
func spans(text string) []string {
	var found []string
	for _, match := range span.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		found = append(found, match[1])
	}
	return found
}

func withoutCode(text string) string {
	return span.ReplaceAllString(fence.ReplaceAllString(text, ""), "")
}

// firstColumns returns the first cell of each row of all tables.
func firstColumns(text string) []string {
	var cells []string
	for _, match := range row.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		cells = append(cells, match[1])
	}
	return cells
}

var heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)

// anchors returns the anchors that Markdown viewers make of the headings.
func anchors(text string) []string {
	var found []string
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		found = append(found, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, match[1]))
	}
	return found
}
