// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
)

// printer prints lines that begin with the seconds since the run was submitted. The
// logs and the steps come from two goroutines.
type printer struct {
	mutex sync.Mutex
	out   io.Writer
	clock clock.PassiveClock
	begin time.Time
}

func (p *printer) line(format string, args ...any) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	_, _ = fmt.Fprintf(p.out, "[%4ds] %s\n", int(p.clock.Since(p.begin).Seconds()), fmt.Sprintf(format, args...))
}

// log prints a line of the log of a step.
func (p *printer) log(step, line string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	_, _ = fmt.Fprintf(p.out, "%s | %s\n", step, line)
}

// progress prints each step of a run as it begins and as it ends, and what the run
// waits for. It prints nothing twice.
type progress struct {
	*printer
	pods         map[string]bool
	begun, ended map[string]bool
	said         string
}

func newProgress(p *printer) *progress {
	return &progress{printer: p, pods: map[string]bool{}, begun: map[string]bool{}, ended: map[string]bool{}}
}

func (p *progress) see(workflow *wfv1.Workflow) {
	pods := podsOf(workflow)
	for i, now := range pods {
		if !p.pods[now.node.ID] && i > 0 && pods[i-1].task == now.task {
			p.line("another pod continues")
		}
		p.pods[now.node.ID] = true
		for _, s := range now.steps {
			if s.phase.Completed() && !p.ended[s.id] {
				p.ended[s.id] = true
				p.line("%s: %s", s.name, s.phase)
			}
			if s.phase.FailedOrError() {
				break // Those after it only say that they waited in vain.
			}
		}
		if s := now.current(); s != nil && !p.begun[s.id] {
			p.begun[s.id] = true
			p.line("%s: running", s.name)
		}
	}
	p.seeWaiting(workflow)
}

func (p *progress) seeWaiting(workflow *wfv1.Workflow) {
	if !outcome.Running(workflow) {
		return
	}
	text := outcome.Read(workflow, p.clock.Now()).Status.Message
	if holder := outcome.WaitsFor(workflow); holder != "" {
		text = strings.TrimSuffix("waits for "+holder+": "+text, ": ")
	}
	if text != "" && text != p.said {
		p.line("%s", text)
	}
	p.said = text
}
