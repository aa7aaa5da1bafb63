// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"fmt"
	"slices"
)

// runbook is the document for whoever has to act, relative to the root of the
// repository. It has a heading for each section.
const runbook = "docs/runbook.md"

// site is where the repository can be read.
const site = "https://github.com/stanzaflow/stanzaflow/blob/main/"

// Runbook says where to read more about a failure of a step: at the exit code of
// pgBackRest, or at the step itself if there is none, which is 0.
func Runbook(step string, code int) string {
	return runbook + "#" + section(step, code)
}

// RunbookURL is the same as a link, for where only a link leads anywhere: the outputs in
// the Argo UI.
func RunbookURL(step string, code int) string {
	return PageURL(Runbook(step, code))
}

// PageURL is a page of the documents as a link.
func PageURL(page string) string { return site + page }

func section(step string, code int) string {
	switch {
	case code == 0:
		return step
	case code == UnknownCode:
		return noExitCode
	case code == 126 || code == 127:
		return "not-started"
	case code == 134 || code == 139:
		return "crashed"
	case isSignal(code):
		return "killed"
	case slices.ContainsFunc(rules, func(r rule) bool { return r.code == code }):
		return fmt.Sprintf("%03d-%s", code, codeName(code))
	}
	return "any-other-code"
}
