//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// How many resources are generated, beside those by hand.
const (
	generatedClusters = 140
	generatedSpecs    = 40
)

// badSeed of the generated resources.
func badSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("STANZAFLOW_BADINPUT_SEED")
	if text == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("STANZAFLOW_BADINPUT_SEED is not a number: %v", err)
	}
	return seed
}

// kindOfField says what a field may hold, and so what it may not.
type kindOfField int

const (
	aText kindOfField = iota
	anObject
	aList
	aSchedule
	aQuantity
	aName
)

var postgresqlFields = []struct {
	field  string
	hosted bool
	kind   kindOfField
}{
	{"spec", false, anObject},
	{"spec.backup", false, anObject},
	{"spec.backup.pgbackrest", false, anObject},
	{"configuration", false, anObject},
	{"configuration.secret", false, aName},
	{"global", false, anObject},
	{"global.process-max", false, aText},
	{"global.repo1-retention-full", false, aText},
	{"global.archive-async", false, aText},
	{"repos", false, aList},
	{"repos[0]", false, anObject},
	{"repos[0].name", false, aName},
	{"repos[0].storage", false, aName},
	{"repos[0].resource", false, aText},
	{"repos[0].endpoint", false, aText},
	{"repos[0].region", false, aText},
	{"repos[0].keyType", false, aName},
	{"repos[0].schedule", false, anObject},
	{"repos[0].schedule.full", false, aSchedule},
	{"repos[0].schedule.diff", false, aSchedule},
	{"repos[0].schedule.incr", false, aSchedule},
	{"image", true, aName},
	{"resources", true, anObject},
	{"resources.requests", true, anObject},
	{"resources.limits", true, anObject},
	{"resources.requests.memory", true, aQuantity},
	{"resources.limits.cpu", true, aQuantity},
	{"repos[0].volume", true, anObject},
	{"repos[0].volume.size", true, aQuantity},
	{"repos[0].volume.storageClass", true, aName},
	{"repos[0].volume.selector", true, anObject},
	{"spec.tolerations", true, aList},
	{"spec.nodeAffinity", true, anObject},
	{"spec.podPriorityClassName", true, anObject},
}

// badValue is good for no field of a kind.
func badValue(random *rand.Rand, kind kindOfField) any {
	pick := func(values ...any) any { return values[random.IntN(len(values))] }
	noise := func() string {
		var text strings.Builder
		for range 1 + random.IntN(40) {
			text.WriteString(pick("\n", "\r", "\x00", "\x1b[31m", "{{", "}}", "{{=", "$(id)", "`id`", ";", "'", "\"", "--", "=", "[global]", "repo1-path=/", "../", "é", "💾", "\u202e", "\u2028", " ", leaked).(string))
		}
		return text.String() + "\n{{" // Bad for sure.
	}
	notAText := func() any {
		return pick(random.Int64(), -1.5, true, items{}, items{leaked}, fields{}, fields{noise(): noise()}, items{items{items{nil}}})
	}
	switch kind {
	case anObject:
		return pick(int64(1), true, items{leaked}, items{fields{}}, 0.5, items{nil})
	case aList:
		return pick(int64(1), true, noise(), fields{noise(): noise()}, "", -0.5)
	case aSchedule:
		if random.IntN(3) == 0 {
			return notAText()
		}
		five := make([]string, 5)
		for i := range five {
			five[i] = pick("*", "60", "1-", "/2", "jan", "*/0", "5-1", "#", "L", "1W", "99999999999", "-1").(string)
		}
		five[random.IntN(5)] = pick("99", "x", "1--2", "💾", "%").(string)
		return pick(strings.Join(five, " "), noise(), "@every "+fmt.Sprint(random.IntN(99))+"s", strings.Repeat("* ", random.IntN(4)+6), "TZ="+noise())
	case aQuantity:
		return pick(noise(), "-"+fmt.Sprint(random.IntN(999)), "1e"+fmt.Sprint(100+random.IntN(1<<30)), "1 Gi", "Gi", "0x10", "NaN", "Inf", "1Gi1", items{}, fields{})
	case aName:
		return pick(noise(), notAText(), "UPPER_"+noise(), "-x", "a b", "../"+strings.Repeat("x", 300), strings.Repeat("x", 5000))
	case aText:
	}
	return pick(noise(), notAText(), " x", "x ", strings.Repeat("x", 2049+random.IntN(9000)))
}

func generatedPostgresqls(seed uint64) []badCase {
	random := rand.New(rand.NewPCG(seed, 1))
	cases := make([]badCase, 0, generatedClusters)
	for i := range generatedClusters {
		f := postgresqlFields[random.IntN(len(postgresqlFields))]
		cases = append(cases, badCase{
			name: fmt.Sprintf("generated %d", i), hosted: f.hosted, field: f.field, value: badValue(random, f.kind),
			// A list or an object may be named by what is in it.
			text: "ield " + fullPath(f.field),
		})
	}
	return cases
}

// fullPath of a field in a postgresql, or in a Stanza.
func fullPath(field string) string {
	if strings.HasPrefix(field, "spec") || strings.HasPrefix(field, "metadata") {
		return field
	}
	return "spec.backup.pgbackrest." + field
}

// generatedStanzas: gates of parts that each have a meaning, and names.
func generatedStanzas(seed uint64) []badCase {
	random := rand.New(rand.NewPCG(seed, 2))
	parts := []string{
		"run.type", "lastFull", "(", ")", "[", "]", "{", "}", "==", "&&", "let a =", ";", "..", "1e9", "matches", `"(x*)*"`, "any(", "#", "|", "map",
		"now()", "nil", "?", ":", "??", ".", "$env", "-", "not", "\x00", "\n", "💾", leaked, "repeat(", "toJSON(",
	}
	cases := make([]badCase, 0, generatedSpecs)
	for i := range generatedSpecs {
		c := badCase{name: fmt.Sprintf("generated %d", i), field: "spec.gate"}
		switch random.IntN(4) {
		case 0:
			c.field, c.value = "spec.timeZone", []string{"../", "Europe/", "\x00", "{{", "UTC\n", "europe/vienna", "Etc/", "A/../"}[random.IntN(8)]+fmt.Sprint(random.IntN(99))
		case 1:
			c.field, c.value = "spec.workflowTemplate", []string{"../", "A", "a_", "{{", "\n", "-", "a b", "é"}[random.IntN(8)]+fmt.Sprint(random.IntN(99))
		default:
			gate := make([]string, 2+random.IntN(30))
			for j := range gate {
				gate[j] = parts[random.IntN(len(parts))]
			}
			// Whatever it is, it is no boolean.
			c.value = "1 + (" + strings.ReplaceAll(strings.Join(gate, " "), leaked, "x") + ")"
		}
		cases = append(cases, c)
	}
	return slices.Clip(cases)
}
