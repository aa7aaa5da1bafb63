// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drillplan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	config "github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var (
	now       = time.Date(2026, 11, 28, 5, 12, 30, 0, time.UTC)
	heartbeat = time.Date(2026, 11, 28, 5, 12, 11, 204981000, time.UTC)
	stop      = time.Date(2026, 11, 28, 2, 0, 30, 0, time.UTC)
)

// jumpingClock is at the end of each wait at once.
type jumpingClock struct{ *clocktesting.FakeClock }

func (c jumpingClock) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	c.Step(d)
	return timer
}

// world is a cluster with a primary, one full backup and the WAL after it.
type world struct {
	t          *testing.T
	postgresql cpo.Postgresql
	// missing: there is no postgresql.
	missing bool
	stanza  stanzaflowv1alpha1.Stanza
	pods    []corev1.Pod
	// replica is a pod that is no primary.
	replica    *corev1.Pod
	inRecovery bool
	// segments of the archive, by their numbers, and the time of each.
	segments map[int]time.Time
	// histories by their timelines.
	histories map[int]string
	// fails are commands that do not exit with 0, by the beginning of their command lines.
	fails map[string]error
	// asked are the command lines, and started is when Argo started the Workflow.
	asked   []string
	started time.Time
	random  uint64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, segments: map[int]time.Time{}, histories: map[int]string{}, fails: map[string]error{}}
	w.postgresql = cpo.Postgresql{Namespace: "shop", Name: "orders", PgBackRest: &cpo.PgBackRest{
		Repos: []cpo.Repo{{Name: "repo1", Storage: cpo.StorageS3}, {Name: "repo2", Storage: cpo.StorageS3}}, Global: map[string]string{},
	}}
	w.pods = []corev1.Pod{pod("orders-0")}
	for n := 2; n <= 9; n++ {
		w.segments[n] = stop.Add(time.Duration(n) * 20 * time.Minute)
	}
	w.segments[9] = heartbeat.Add(time.Second)
	return w
}

func pod(name string) corev1.Pod {
	p := corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: cpo.ContainerPostgreSQL}}}}
	p.Namespace, p.Name, p.Labels = "shop", name, map[string]string{}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: cpo.ContainerPostgreSQL, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	return p
}

func (w *world) Postgresql(context.Context, string, string) (cpo.Postgresql, string, error) {
	if w.missing {
		return cpo.Postgresql{}, "", apierrors.NewNotFound(schema.GroupResource{}, "orders")
	}
	return w.postgresql, "", nil
}

func (w *world) Stanza(context.Context, string, string) (stanzaflowv1alpha1.Stanza, error) {
	return w.stanza, nil
}

func (w *world) Pods(_ context.Context, _ string, labels map[string]string) ([]corev1.Pod, error) {
	if _, primary := labels[cpo.LabelRole]; !primary && w.replica != nil {
		return []corev1.Pod{*w.replica}, nil
	}
	return w.pods, nil
}

func (w *world) CronJobs(context.Context, string, map[string]string) ([]batchv1.CronJob, error) {
	return nil, nil
}

func (w *world) Jobs(context.Context, string, map[string]string) ([]batchv1.Job, error) {
	return nil, nil
}

func (w *world) HasConfigMap(context.Context, string, string) (bool, error) { return false, nil }

func (w *world) Cancelled(context.Context, string, string, string) (string, error) { return "", nil }

func (w *world) Started(context.Context, string, string, string) (time.Time, error) {
	return w.started, nil
}

func (w *world) Slot(context.Context, string, string, string) (time.Time, error) {
	return time.Time{}, nil
}

func (w *world) RecordEvent(context.Context, string, string, string, string, string) error {
	return nil
}

func (w *world) Exec(ctx context.Context, at remote.Place, argv []string, stdout, stderr io.Writer) error {
	if argv[0] == "sh" {
		return runtest.Several(w.t, argv, stdout, stderr, func(argv []string) error { return w.Exec(ctx, at, argv, stdout, stderr) })
	}
	line := strings.Join(argv, " ")
	w.asked = append(w.asked, at.Pod+": "+line)
	for beginning, err := range w.fails {
		if strings.HasPrefix(line, beginning) {
			_, _ = io.WriteString(stderr, "ERROR: "+beginning)
			return err
		}
	}
	_, err := io.WriteString(stdout, w.answer(argv, line))
	return err
}

func (w *world) answer(argv []string, line string) string {
	switch {
	case argv[0] == "psql":
		return w.json(w.answerSQL(strings.TrimPrefix(argv[len(argv)-1], "--command=")))
	case strings.HasPrefix(line, "pgbackrest check"):
		return "P00   INFO: WAL segment 000000010000000000000009 successfully archived to '/repo/archive/db/17-1/0000000100000000/000000010000000000000009-ab.lz4' on repo1\n"
	case strings.HasPrefix(line, "pgbackrest info"):
		return w.info()
	case strings.HasPrefix(line, "pgbackrest repo-ls"):
		return w.json(w.listing())
	case strings.HasPrefix(line, "pgbackrest repo-get"):
		var timeline int
		name := filepath.Base(argv[len(argv)-1])
		if _, err := fmt.Sscanf(name, "%08X.history", &timeline); err != nil {
			w.t.Errorf("reads %s", name)
		}
		return w.histories[timeline]
	}
	w.t.Errorf("runs %s", line)
	return ""
}

func (w *world) json(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		w.t.Error(err)
	}
	return string(text)
}

func (w *world) answerSQL(statement string) any {
	switch statement {
	case remote.PostgresStatement:
		return map[string]any{"inRecovery": w.inRecovery, "version": 170002, "systemId": "7312", "walSegmentBytes": 16 << 20, "archiveMode": "on", "archiveCommand": true}
	case remote.SettingsStatement:
		return map[string]any{"libraries": "bg_mon,pg_stat_statements", "preparedTransactions": 5, "locks": 128}
	case remote.HeartbeatStatement:
		return map[string]any{"xid": "841", "time": heartbeat, "lsn": "0/9000028", "segment": "000000010000000000000009", "lastArchived": heartbeat.Add(-time.Minute)}
	}
	w.t.Errorf("asks %s", statement)
	return nil
}

func (w *world) info() string {
	return fmt.Sprintf(`[{"name":"db","status":{"code":0,"message":"ok"},"repo":[{"key":1,"cipher":"none","status":{"code":0}}],
"db":[{"id":1,"repo-key":1,"version":"17","system-id":7312}],
"archive":[{"id":"17-1","database":{"id":1,"repo-key":1},"min":"000000010000000000000002","max":"000000010000000000000009"}],
"backup":[{"label":"20261128-020000F","type":"full","error":false,"database":{"id":1,"repo-key":1},"timestamp":{"start":%d,"stop":%d},
"lsn":{"start":"0/2000028","stop":"0/2000100"},"archive":{"start":"000000010000000000000002","stop":"000000010000000000000002"},
"info":{"size":42,"repository":{"size":10,"delta":10}}}]}]`, stop.Add(-30*time.Second).Unix(), stop.Unix())
}

func (w *world) listing() map[string]any {
	files := map[string]any{}
	for n, at := range w.segments {
		name := fmt.Sprintf("17-1/0000000100000000/0000000100000000%08X-%040x.lz4", n, n)
		files[name] = map[string]any{"type": "file", "size": 1 << 20, "time": at.Unix()}
	}
	for timeline := range w.histories {
		files[fmt.Sprintf("17-1/%08X.history", timeline)] = map[string]any{"type": "file", "size": 50, "time": stop.Add(time.Hour).Unix()}
	}
	return files
}

// options are those of a drill of the Stanza.
func (w *world) options(target string) Options {
	text, err := config.Config{
		DefaultRepo: 1, DataPath: cpo.PGDataPath, VolumeBytes: 99,
		Drills: []stanzaflowv1alpha1.Drill{{Name: "weekly", Target: stanzaflowv1alpha1.TargetNewest}, {Name: "anytime", Target: stanzaflowv1alpha1.TargetRandom}},
	}.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	dir := w.t.TempDir()
	return Options{
		Namespace: "shop", Cluster: "orders", Drill: "weekly", Target: target, Trigger: "schedule", Workflow: "drill-1", Run: "6f1f2a52-0c0e-4d6b-9a5e-1b5f3c1d7e11",
		Created: now.Add(-time.Minute).Format(time.RFC3339), Limit: 23 * time.Hour, Config: text, Attempts: 3, Backoff: time.Second,
		Outputs: drill.Outputs(dir), TerminationLog: filepath.Join(dir, "termination"),
	}
}

// run plans, and returns the exit code, the report, and the plan, nil if there is none.
func (w *world) run(ctx context.Context, o Options) (int, report.Report, *drill.Plan) {
	w.t.Helper()
	var log bytes.Buffer
	env := Env{Finder: w, Workflows: w, Executor: w, Clock: jumpingClock{clocktesting.NewFakeClock(now)}, Random: rand.New(rand.NewPCG(w.random, 1)), Log: &log}
	exit := Run(ctx, env, o)
	text, err := os.ReadFile(filepath.Join(string(o.Outputs), drill.FileReport))
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := report.Decode(string(text))
	if err != nil {
		w.t.Fatalf("%v\n%s", err, log.String())
	}
	planned, err := os.ReadFile(filepath.Join(string(o.Outputs), drill.FilePlan))
	if errors.Is(err, os.ErrNotExist) {
		return exit, r, nil
	}
	plan, err := drill.Decode(string(planned))
	if err != nil {
		w.t.Fatal(err)
	}
	return exit, r, &plan
}

func TestPlan(t *testing.T) {
	t.Parallel()
	moment := time.Date(2026, 11, 28, 3, 12, 44, 0, time.UTC)
	for name, tc := range map[string]struct {
		target string
		want   report.Drill
	}{
		"newest":    {"", report.Drill{Target: "Newest", ExpectTime: &heartbeat, ExpectLSN: "0/9000028"}},
		"immediate": {"Immediate", report.Drill{Target: "Immediate"}},
		"a moment":  {"2026-11-28 04:12:44+01", report.Drill{Target: "2026-11-28 04:12:44+01", Moment: &moment, ExpectTime: &moment}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			exit, r, plan := w.run(t.Context(), w.options(tc.target))
			if exit != 0 || plan == nil || r.Result != stanzaflowv1alpha1.RunUnknown || r.Message != drill.UnknownMessage || r.Kind != vocab.RunDrill {
				t.Fatalf("exit code %d, %s: %s", exit, r.Result, r.Message)
			}
			tc.want.Name, tc.want.Backup, tc.want.Timeline, tc.want.RPOSeconds, tc.want.DatabaseBytes = "weekly", "20261128-020000F", 1, new(60.0), 42
			tc.want.WALBytes = r.Drill.WALBytes // The planner's own tests have it.
			if diff := cmp.Diff(&tc.want, r.Drill); diff != "" {
				t.Errorf("drill (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(r, plan.Report); diff != "" {
				t.Errorf("the plan has another report:\n%s", diff)
			}
			if plan.SystemID != "7312" || plan.Primary != (drill.Settings{Libraries: "bg_mon,pg_stat_statements", PreparedTransactions: 5, Locks: 128}) || plan.Timeline == "" {
				t.Errorf("plan %+v", plan)
			}
			if plan.Config.Drills != nil || plan.Config.VolumeBytes != 99 || !slices.Equal(plan.Drill.Checks, []stanzaflowv1alpha1.DrillCheck{stanzaflowv1alpha1.CheckDump}) {
				t.Errorf("plan %+v", plan)
			}
			if r.Heartbeat == nil || !r.Heartbeat.Time.Equal(heartbeat) || r.Heartbeat.Timeline != 1 {
				t.Errorf("heartbeat %+v", r.Heartbeat)
			}
			if !plan.Deadline.Equal(now.Add(23*time.Hour-time.Minute)) || !plan.Made.Equal(now) {
				t.Errorf("deadline %s, made %s", plan.Deadline, plan.Made)
			}
		})
	}
}

// TestRandom: every moment of the window has its turn, and none outside of it.
func TestRandom(t *testing.T) {
	t.Parallel()
	early, late := false, false
	for seed := range uint64(40) {
		w := newWorld(t)
		w.random = seed
		o := w.options("")
		o.Drill = "anytime"
		exit, r, _ := w.run(t.Context(), o)
		if exit != 0 || r.Drill.Moment == nil || r.Drill.Target != "Random" {
			t.Fatalf("exit code %d, %s: %s", exit, r.Result, r.Message)
		}
		if r.Drill.Moment.Before(stop.Add(time.Second)) || r.Drill.Moment.After(heartbeat) {
			t.Errorf("moment %s is outside of the window", r.Drill.Moment)
		}
		early = early || r.Drill.Moment.Before(stop.Add(time.Hour))
		late = late || r.Drill.Moment.After(heartbeat.Add(-time.Hour))
	}
	if !early || !late {
		t.Error("a part of the window never has its turn")
	}
}

func TestNoPlan(t *testing.T) {
	t.Parallel()
	const failed, held = stanzaflowv1alpha1.RunFailed, stanzaflowv1alpha1.RunHeld
	for name, tc := range map[string]struct {
		world   func(*world)
		options func(*Options)
		exit    int
		result  stanzaflowv1alpha1.RunResult
		missing bool
		want    string
	}{
		"a standby cluster":    {func(w *world) { w.postgresql.Operation.Standby = true }, nil, drill.ExitStop, held, false, "spec.standby"},
		"no instances":         {func(w *world) { w.postgresql.Operation.ScaledToZero = true }, nil, drill.ExitStop, held, false, "numberOfInstances is 0"},
		"it is being restored": {func(w *world) { w.postgresql.Operation.Restoring = true }, nil, drill.ExitStop, held, false, "being restored"},
		"it is encrypted":      {func(w *world) { w.postgresql.Operation.Encrypted = true }, nil, drill.ExitStop, held, false, "spec.tde is enabled"},
		"it is being upgraded": {func(w *world) { w.pods[0].Labels[cpo.LabelCriticalOperation] = "true" }, nil, drill.ExitStop, held, false, "is being upgraded"},
		"it is in recovery":    {func(w *world) { w.inRecovery = true }, nil, drill.ExitStop, held, false, "is in recovery"},
		"there is none":        {func(w *world) { w.missing = true }, nil, drill.ExitStop, failed, false, "there is no postgresql shop/orders"},
		"another repo":         {nil, func(o *Options) { o.Config = strings.Replace(o.Config, `"defaultRepo":1`, `"defaultRepo":3`, 1) }, drill.ExitStop, failed, false, "has no repo3"},
		"an unknown drill":     {nil, func(o *Options) { o.Drill = "yearly" }, drill.ExitStop, failed, false, `no drill "yearly"`},
		"no zone":              {nil, func(o *Options) { o.Target = "2026-11-28 04:12:44" }, drill.ExitStop, failed, false, "with its offset from UTC"},
		"no limit":             {nil, func(o *Options) { o.Limit = 0 }, drill.ExitStop, failed, false, "parameter limit"},
		"no configuration":     {nil, func(o *Options) { o.Config = "" }, drill.ExitStop, failed, false, "cannot decode the drills"},
		"a gap":                {func(w *world) { delete(w.segments, 5) }, nil, drill.ExitStop, failed, true, "Gap"},
		"a gap before a moment": {
			func(w *world) { delete(w.segments, 3) }, func(o *Options) { o.Target = "2026-11-28 04:12:44+00" }, drill.ExitStop, failed, true, "Gap",
		},
		"before every backup": {nil, func(o *Options) { o.Target = "2026-11-27 04:12:44+00" }, drill.ExitStop, failed, false, "BeforeOldest"},
		"in the future":       {nil, func(o *Options) { o.Target = "2026-11-29 04:12:44+00" }, drill.ExitStop, failed, false, "AfterNewest"},
		"archiving fails":     {func(w *world) { w.fails["pgbackrest check"] = &remote.ExitError{Code: 82} }, nil, drill.ExitGaveUp, failed, false, "[082]"},
		"no store":            {func(w *world) { w.fails["pgbackrest info"] = &remote.ExitError{Code: 49} }, nil, drill.ExitGaveUp, failed, false, "pgbackrest info failed"},
		"the time is over":    {nil, func(o *Options) { o.Created = now.Add(-24 * time.Hour).Format(time.RFC3339) }, drill.ExitStop, failed, false, "23h"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if tc.world != nil {
				tc.world(w)
			}
			o := w.options("")
			if tc.options != nil {
				tc.options(&o)
			}
			exit, r, plan := w.run(t.Context(), o)
			missing := r.Drill != nil && r.Drill.DataMissing
			if exit != tc.exit || r.Result != tc.result || missing != tc.missing || plan != nil || !strings.Contains(r.Message, tc.want) {
				t.Errorf("exit code %d, %s: %s (data missing %t, plan %v); want %d, %s, %q", exit, r.Result, r.Message, missing, plan, tc.exit, tc.result, tc.want)
			}
			if tc.result == held && slices.ContainsFunc(w.asked, func(line string) bool { return strings.Contains(line, ": pgbackrest") }) {
				t.Errorf("a drill that is held asks the repo: %q", w.asked)
			}
		})
	}
}

// TestWithoutPrimary: backups are for the time when there is no primary. What must be
// found is then the newest WAL in the archive.
func TestWithoutPrimary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pods, w.replica = nil, new(pod("orders-1"))
	exit, r, plan := w.run(t.Context(), w.options(""))
	if exit != 0 || r.Heartbeat != nil || r.Drill.ExpectLSN == "" || r.Drill.RPOSeconds != nil || plan.SystemID != "" {
		t.Fatalf("exit code %d, %s: %s, %+v", exit, r.Result, r.Message, r.Drill)
	}
	if slices.ContainsFunc(w.asked, func(line string) bool {
		return strings.Contains(line, "psql") || strings.Contains(line, "pgbackrest check")
	}) {
		t.Errorf("asks %q", w.asked)
	}
	w = newWorld(t)
	w.pods = nil
	if exit, r, _ := w.run(t.Context(), w.options("")); exit != drill.ExitGaveUp || r.Result != stanzaflowv1alpha1.RunFailed {
		t.Errorf("nothing to ask: exit code %d, %s: %s", exit, r.Result, r.Message)
	}
}

// TestMomentThatADrillHasReached: without a primary, as on a timeline that it has left, the
// moment is proven by what an earlier drill has found after it.
func TestMomentThatADrillHasReached(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reached time.Time
		exit    int
	}{
		"after it":  {heartbeat.Add(-time.Minute), 0},
		"before it": {heartbeat.Add(-time.Hour), drill.ExitStop},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pods, w.replica = nil, new(pod("orders-1"))
			w.stanza.Status.Drills = []stanzaflowv1alpha1.DrillStatus{{Name: "newest", LastProven: &stanzaflowv1alpha1.ProvenDrill{
				Repo: "repo1", Timeline: 1, LSN: "0/8FFFF00", RecoveredTo: new(metav1.NewMicroTime(tc.reached)),
			}}}
			exit, r, _ := w.run(t.Context(), w.options("2026-11-28 05:10:00+00"))
			if exit != tc.exit {
				t.Errorf("exit code %d, %s: %s", exit, r.Result, r.Message)
			}
		})
	}
}

// TestStopped: a plan that Kubernetes stops says so, and another pod makes it.
func TestStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorld(t)
	w.fails["pgbackrest info"] = &remote.ExitError{Code: 49}
	cancel()
	exit, r, _ := w.run(ctx, w.options(""))
	if exit != drill.ExitStopped || r.Result != stanzaflowv1alpha1.RunUnknown {
		t.Errorf("exit code %d, %s: %s", exit, r.Result, r.Message)
	}
}

func TestParseMoment(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 11, 26, 3, 12, 44, 918273000, time.UTC)
	for _, text := range []string{
		"2026-11-26 03:12:44.918273+00", "2026-11-26 04:12:44.918273+01", "2026-11-26 04:12:44.918273+01:00", "2026-11-26 08:42:44.918273+0530",
		"2026-11-26T03:12:44.918273Z", "2026-11-25T22:12:44.918273-05:00",
	} {
		if got, err := parseMoment(text); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"2026-11-26 03:12:44", "2026-11-26T03:12:44", "yesterday", "2026-11-26 03:12:44 UTC", "newest"} {
		if got, err := parseMoment(text); err == nil {
			t.Errorf("%s is %s", text, got)
		}
	}
}
