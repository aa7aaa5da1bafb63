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
	"github.com/stanzaflow/stanzaflow/internal/vocab"
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

// TestRequestsOfARun are few, in the forms of one pod, and the report says how many.
func TestRequestsOfARun(t *testing.T) {
	for form, newPod := range map[vocab.RunForm]func(*runtest.World) *pod{vocab.FormPod: newPod, vocab.FormCompact: newCompact} {
		w := runtest.New(t)
		p := newPod(w)
		p.parameters.Created, p.parameters.Limit = runtest.Start.Format(time.RFC3339), time.Hour
		p.env.Requests = func() int { return w.Requests }
		p.mustRun(backupSteps...)
		each, sum := map[string]int{}, 0
		for _, s := range p.report().Steps {
			each[s.Name] = s.Requests
			sum += s.Requests
		}
		want := map[string]int{"begin": 1, "precheck": 5, "backup": 3, "expire": 2, "verify": 4}
		if diff := cmp.Diff(want, each); diff != "" || sum != w.Requests {
			t.Errorf("form %s: %d requests, the report has %d; of each step (-want +got):\n%s", form, w.Requests, sum, diff)
		}
	}
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
