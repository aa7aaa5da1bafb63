// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package nearmiss

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Of returns the known name that a word is most likely meant to be, or an empty
// text if none is close: the nearest spelling, else the longest name that the word
// begins with, or that begins with the word. A word that is known itself has no
// near miss.
func Of(word string, known []string) string {
	if slices.Contains(known, word) {
		return ""
	}
	return cmp.Or(Spelling(word, known), beginning(fold(word), known))
}

// Spelling returns the known name whose spelling is nearest to a word, or an empty
// text if none is close. It returns a name that differs only in case, dashes or
// underscores before all others.
func Spelling(word string, known []string) string {
	best, bestDistance := "", len(word)
	folded := fold(word)
	for _, name := range known {
		if tooLong(folded, name) {
			continue
		}
		distance := levenshtein.ComputeDistance(folded, fold(name))
		if distance <= allowed(folded) && (best == "" || distance < bestDistance) {
			best, bestDistance = name, distance
		}
	}
	return best
}

// DidYouMean is the end of a message about a word that is not known. It is empty
// if no known name is close.
func DidYouMean(word string, known []string) string {
	if name := Of(word, known); name != "" {
		return "; did you mean " + name + "?"
	}
	return ""
}

// tooLong reports whether a word has too many letters to be a misspelt name. The
// distance of a long word takes long to compute, and users may write anything.
func tooLong(word, name string) bool { return len(word) > len(name)+allowed(word) }

// allowed is how many letters a word may differ in: swapping two counts as two.
func allowed(word string) int { return min(len(word)/4+1, 3) }

// beginning returns the longest known name that a word begins with, or that begins
// with the word: secretName for secret. Short names begin too many words.
func beginning(word string, known []string) string {
	const shortest = 4
	best := ""
	for _, name := range known {
		folded := fold(name)
		if min(len(folded), len(word)) >= shortest && len(name) > len(best) && (strings.HasPrefix(word, folded) || strings.HasPrefix(folded, word)) {
			best = name
		}
	}
	return best
}

// fold is a word without case, dashes and underscores.
func fold(word string) string { return strings.ToLower(withoutDashes.Replace(word)) }

// withoutDashes is built once: each object is checked for misspelt fields in each pass.
var withoutDashes = strings.NewReplacer("-", "", "_", "")
