// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/stanzaflow/stanzaflow/internal/goldentest"
)

// stream is one answer to a request for a log: text, or an error at its end.
type stream struct {
	text string
	err  error
}

func (s stream) Read(b []byte) (int, error) {
	if s.text == "" {
		return 0, s.err
	}
	return copy(b, s.text), s.err
}

// fakeLogs answers the requests for the log of each container in turn, the last answer
// again and again.
type fakeLogs struct {
	mutex sync.Mutex
	logs  map[string][]stream
	asked []string
	// first is closed with the first answer, if it is not nil.
	first chan struct{}
}

func (f *fakeLogs) Log(_ context.Context, _, pod, container string, since time.Time) (io.ReadCloser, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	// How often a log is asked for again depends on the time.
	asked := pod + " " + container
	if !since.IsZero() {
		asked += " again"
	}
	if len(f.asked) == 0 && f.first != nil {
		close(f.first)
	}
	if len(f.asked) == 0 || f.asked[len(f.asked)-1] != asked {
		f.asked = append(f.asked, asked)
	}
	answers := f.logs[container]
	if len(answers) == 0 {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, pod)
	}
	if len(answers) > 1 {
		f.logs[container] = answers[1:]
	}
	if answers[0].text == "" && answers[0].err != nil {
		return nil, answers[0].err
	}
	return io.NopCloser(io.MultiReader(strings.NewReader(answers[0].text), stream{err: orEOF(answers[0].err)})), nil
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// TestLogs: the lines of the steps come in their order, each once, whatever happens to
// the connection.
func TestLogs(t *testing.T) {
	running := state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Running 4-expire:Running main:Running"))
	over := state(wfv1.WorkflowSucceeded, thePod(wfv1.NodeSucceeded, allDone), says(aReport()))
	backup := "2026-03-01T02:00:12.1Z P00   INFO: backup command begin\n2026-03-01T02:00:13.2Z 10%\n"
	waiting := apierrors.NewBadRequest("container \"backup\" in pod is waiting to start: PodInitializing")
	for name, logs := range map[string]map[string][]stream{
		"in-order": {
			"1-begin":    {{text: "2026-03-01T02:00:01Z begin: ok\n"}},
			"2-precheck": {{text: "2026-03-01T02:00:02Z time=\"x\" level=info msg=\"capturing logs\" argo=true\n2026-03-01T02:00:03Z precheck: ok\n"}},
			"3-backup":   {{err: waiting}, {text: backup, err: io.ErrUnexpectedEOF}, {text: backup + "2026-03-01T02:00:14.3Z 100%\n"}},
			"4-expire":   {{text: "2026-03-01T02:00:15Z expire: ok\n"}},
			"main":       {{text: "2026-03-01T02:00:16Z PROVEN: incr backup\n"}},
		},
		"forbidden": {"1-begin": {{err: rejected("get", "pods/log")}}},
		"gone":      {},
		"broken":    {"1-begin": {{err: errors.New("proxy error from 10.0.0.7:10250")}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, scene{after: time.Second, workflow: running}, scene{after: 40 * time.Second, workflow: over})
			s, out, errs := f.session()
			fake := &fakeLogs{logs: logs}
			s.Logs = fake
			o := aBackup()
			o.Logs = true
			if code := s.Run(t.Context(), o); code != ExitProven {
				t.Errorf("exit code %d, want %d: %s", code, ExitProven, errs)
			}
			// The logs come beside the steps: only their own order is certain.
			var lines, rest []string
			for line := range strings.Lines(out.String()) {
				if strings.Contains(line, " | ") || strings.Contains(line, "left out") {
					_, text, timed := strings.Cut(line, "] ")
					if !timed {
						text = line
					}
					lines = append(lines, text)
				} else {
					rest = append(rest, line)
				}
			}
			if got := rest[len(rest)-2]; !strings.HasPrefix(got, "Proven: ") {
				t.Errorf("the verdict is not last: %q", rest)
			}
			goldentest.Check(t, "testdata/log/"+name+".golden", strings.Join(lines, "")+"\n== asked ==\n"+strings.Join(fake.asked, "\n")+"\n")
		})
	}
}

// TestLogsOfAStepThatIsNotOver: the end of a stream is not the end of the step.
func TestLogsOfAStepThatIsNotOver(t *testing.T) {
	logs := &fakeLogs{first: make(chan struct{}), logs: map[string][]stream{"1-begin": {
		{text: "2026-03-01T02:00:01Z one\n"}, {text: "2026-03-01T02:00:01Z one\n2026-03-01T02:00:02Z two\n"},
	}}}
	f := newFake(t, scene{workflow: state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Running"))}, scene{do: func() { <-logs.first }},
		scene{workflow: state(wfv1.WorkflowSucceeded, thePod(wfv1.NodeSucceeded, "1-begin:Succeeded"), says(aReport()))})
	s, out, _ := f.session()
	s.Logs = logs
	o := aBackup()
	o.Logs = true
	s.Run(t.Context(), o)
	if text := out.String(); strings.Count(text, "begin | one\n") != 1 || strings.Count(text, "begin | two\n") != 1 {
		t.Errorf("printed %s", text)
	}
}

// TestLogsOfAStoppedFollower: nothing is left behind.
func TestLogsOfAStoppedFollower(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := newFake(t, scene{workflow: state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Running"))}, scene{do: cancel})
	s, _, _ := f.session()
	s.Logs = &fakeLogs{logs: map[string][]stream{"1-begin": {{text: "2026-03-01T02:00:01Z begin\n"}}}}
	o := aBackup()
	o.Logs = true
	if code := s.Run(ctx, o); code != ExitFailed {
		t.Errorf("exit code %d, want %d", code, ExitFailed)
	}
}
