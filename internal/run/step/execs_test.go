// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

// execs are the commands of each exec, those of one that runs several with a + between.
func execs(w *runtest.World) (all []string) {
	calls := w.Calls
	for _, e := range w.Execs {
		count := 1
		if e.Argv[0] == "sh" {
			count = strings.Count(strings.Join(e.Argv[5:], "\n")+"\n", "\n;\n")
		}
		var names []string
		for _, c := range calls[:count] {
			names = append(names, c.Name())
		}
		all, calls = append(all, strings.Join(names, "+")), calls[count:]
	}
	return all
}

// TestExecsOfARun: each costs a handshake with the API server and the kubelet, and a process
// in the pod of the database.
func TestExecsOfARun(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		w := runtest.New(t)
		p := newPod(w)
		p.mustRun(backupSteps...)
		want := []string{
			"psql+version+sha256sum+grep+info", "heartbeat+check",
			"psql+info+info+pkill workers", "backup",
			"expire",
			"info", "repo-ls+repo-ls", "verify",
		}
		if diff := cmp.Diff(want, execs(w)); diff != "" {
			t.Errorf("execs (-want +got):\n%s", diff)
		}
	})
}

// TestExecsOfALongChain: however many backups it builds on, their files are listed in a few
// execs.
func TestExecsOfALongChain(t *testing.T) {
	w := runtest.New(t)
	p := newPod(w)
	p.parameters.Type = cpo.Incr
	w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start.Add(-48 * time.Hour)})
	p.mustRun("begin", "precheck", "backup", "expire")
	before := len(execs(w))
	p.mustRun("verify")
	// The archive, the backup, and the full on which it builds.
	want := []string{"info", "repo-ls+repo-ls+repo-ls", "verify"}
	if diff := cmp.Diff(want, execs(w)[before:]); diff != "" {
		t.Errorf("execs of verify (-want +got):\n%s", diff)
	}
}

// TestAnswersOfThePolicyOfAnotherRelease: where several commands at once are refused, each
// runs alone, and the run is proven.
func TestAnswersOfThePolicyOfAnotherRelease(t *testing.T) {
	w := runtest.New(t)
	w.NoShell = true
	p := newPod(w)
	p.mustRun(backupSteps...)
	if r := p.report(); r.Backup == nil || len(w.Issued("version")) != 1 {
		t.Errorf("report %+v, %d times version", r, len(w.Issued("version")))
	}
}
