// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// day is that of all scenes.
var day = time.Date(2026, time.November, 28, 0, 0, 0, 0, time.UTC)

func at(text string) time.Time {
	t, err := time.Parse("15:04:05.999999", text)
	if err != nil {
		panic(err)
	}
	return day.Add(t.Sub(t.Truncate(24 * time.Hour)))
}

// scene is a cluster on 28 November 2026 at 13:45. Segment N is archived at N times 12
// minutes, and a heartbeat at 13:41:07.204981 in segment 45. At 06:36 the cluster has
// failed over to timeline 2, in segment 21. The full of 02:00 is in repo1 and repo2, the
// incremental one of 12:00 in repo1.
type scene struct {
	stanza stanzaflowv1alpha1.Stanza
	gone   bool
	pods   []corev1.Pod
	info   map[string]any
	// files of each repo: sizes and times.
	files map[int]map[string]file
	slots string
	// history of the newest timeline. Each line is that of one timeline more.
	history string
	// last is what PostgreSQL has archived last.
	last  string
	free  int64
	dead  map[string]bool
	argvs []string
}

type file struct {
	Type string `json:"type"`
	Size int64  `json:"size"`
	Time int64  `json:"time"`
}

const sum = "-0123456789abcdef0123456789abcdef01234567.gz"

func newScene() *scene {
	s := &scene{last: "000000020000000000000045", history: "1\t0/21000098\tno recovery target specified\n", slots: `["debezium"]`, free: 310 << 30, files: map[int]map[string]file{1: {}, 2: {}}, dead: map[string]bool{}}
	s.pods = []corev1.Pod{pod("cluster-0", map[string]string{cpo.LabelRole: cpo.RolePrimary}, cpo.ContainerPostgreSQL)}
	for repo := range s.files {
		for number := uint64(1); number <= 0x45; number++ {
			s.archive(repo, lineOf(number), number, segmentTime(number))
		}
		s.files[repo]["17-1/00000002.history"] = file{"file", 42, at("06:36:10").Unix()}
	}
	full := map[string]any{
		"label": "20261128-020003F", "type": "full", "error": false, "timestamp": map[string]any{"start": at("02:00:03").Unix(), "stop": at("02:10:31").Unix()},
		"lsn": map[string]any{"start": "0/A000028", "stop": "0/A000138"}, "archive": map[string]any{"start": "00000001000000000000000A", "stop": "00000001000000000000000A"},
		"info": map[string]any{"size": 208 << 30}, "database": map[string]any{"id": 1, "repo-key": 1},
	}
	second := maps.Clone(full)
	second["database"] = map[string]any{"id": 1, "repo-key": 2}
	incremental := maps.Clone(full)
	maps.Copy(incremental, map[string]any{
		"label": "20261128-020003F_20261128-120002I", "type": "incr", "prior": "20261128-020003F", "reference": []string{"20261128-020003F"},
		"timestamp": map[string]any{"start": at("12:00:02").Unix(), "stop": at("12:01:40").Unix()},
		"lsn":       map[string]any{"start": "0/3C000028", "stop": "0/3C000138"}, "archive": map[string]any{"start": "00000002000000000000003C", "stop": "00000002000000000000003C"},
	})
	s.info = map[string]any{
		"name": "db", "status": status(0, "ok"), "cipher": "none",
		"repo":    []any{map[string]any{"key": 1, "cipher": "none", "status": status(0, "ok")}, map[string]any{"key": 2, "cipher": "none", "status": status(0, "ok")}},
		"db":      []any{database(1), database(2)},
		"archive": []any{archiveOf(1), archiveOf(2)},
		"backup":  []any{full, second, incremental},
	}
	s.stanza = stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Name: "cluster", Namespace: "cpo"}}
	s.stanza.Status.Configuration = &stanzaflowv1alpha1.ConfigurationStatus{Provisioner: string(vocab.ProvisionedByUs)}
	heartbeat := &stanzaflowv1alpha1.RestorableStatus{Newest: metav1.NewMicroTime(at("13:41:07.204981")), Heartbeat: true, Timeline: 2, LSN: "0/45000148"}
	s.stanza.Status.Repos = []stanzaflowv1alpha1.RepoStatus{
		{Name: "repo1", Location: "s3://backups/cluster", Restorable: heartbeat},
		{Name: "repo2", Location: "gcs://second/cluster", Restorable: heartbeat},
	}
	s.stanza.Status.Drills = []stanzaflowv1alpha1.DrillStatus{
		{Name: "newest", LastProven: drill("2026-11-22", 240*time.Second, 100*time.Second)},
		{Name: "anytime", LastProven: drill("2026-11-15", 200*time.Second, 140*time.Second)},
	}
	return s
}

func drill(date string, restore, replay time.Duration) *stanzaflowv1alpha1.ProvenDrill {
	ended, err := time.Parse("2006-01-02", date)
	if err != nil {
		panic(err)
	}
	return &stanzaflowv1alpha1.ProvenDrill{
		FinishTime: metav1.NewTime(ended), DatabaseBytes: 208 << 30, WALBytes: 31 << 24,
		Phases: stanzaflowv1alpha1.DrillPhases{Restore: metav1.Duration{Duration: restore}, Replay: metav1.Duration{Duration: replay}},
	}
}

func status(code int, message string) map[string]any {
	return map[string]any{"code": code, "message": message}
}

func database(repo int) map[string]any {
	return map[string]any{"id": 1, "repo-key": repo, "version": "17", "system-id": 7710987001486039924}
}

func archiveOf(repo int) map[string]any {
	return map[string]any{"database": map[string]any{"id": 1, "repo-key": repo}, "id": "17-1", "min": "000000010000000000000001", "max": "000000020000000000000045"}
}

func pod(name string, labels map[string]string, container string) corev1.Pod {
	all := cpo.DefaultLabels().Members("cluster")
	maps.Copy(all, labels)
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "cpo", Labels: all},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: container}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name: container, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		}}},
	}
}

func lineOf(number uint64) uint32 {
	if number < 0x21 {
		return 1
	}
	return 2
}

func segmentTime(number uint64) time.Time {
	if number == 0x45 {
		return at("13:41:09")
	}
	return day.Add(time.Duration(number) * 12 * time.Minute)
}

func (s *scene) archive(repo int, timeline uint32, number uint64, at time.Time) {
	s.files[repo][segmentPath(timeline, number)] = file{"file", 4 << 20, at.Unix()}
}

func segmentPath(timeline uint32, number uint64) string {
	name := wal.DefaultSize.Name(wal.Segment{Timeline: timeline, Number: number})
	return "17-1/" + name[:16] + "/" + name + sum
}

// lose removes segments from a repo.
func (s *scene) lose(repo int, numbers ...uint64) {
	for _, number := range numbers {
		delete(s.files[repo], segmentPath(lineOf(number), number))
	}
}

// cut leaves only the beginning of a segment that is stored as it is.
func (s *scene) cut(repo int, number uint64) {
	s.lose(repo, number)
	s.files[repo][strings.TrimSuffix(segmentPath(lineOf(number), number), ".gz")] = file{"file", 3000, segmentTime(number).Unix()}
}

// addForeign adds a segment of another database with the same name.
func (s *scene) addForeign(repo int, number uint64) {
	s.files[repo][strings.Replace(segmentPath(lineOf(number), number), sum[:6], "-99999", 1)] = file{"file", 4 << 20, segmentTime(number).Unix()}
}

// Postgresql implements Source.
func (s *scene) Postgresql(context.Context, string, string) (cpo.Postgresql, string, error) {
	return cpo.Postgresql{}, "", nil
}

// Stanza implements Source.
func (s *scene) Stanza(context.Context, string, string) (stanzaflowv1alpha1.Stanza, error) {
	if s.gone {
		return stanzaflowv1alpha1.Stanza{}, apierrors.NewForbidden(stanzaflowv1alpha1.GroupVersion.WithResource("stanzas").GroupResource(), "cluster", nil)
	}
	return s.stanza, nil
}

// Pods implements Source.
func (s *scene) Pods(_ context.Context, _ string, labels map[string]string) ([]corev1.Pod, error) {
	return slices.DeleteFunc(slices.Clone(s.pods), func(p corev1.Pod) bool {
		for key, value := range labels {
			if p.Labels[key] != value {
				return true
			}
		}
		return false
	}), nil
}

// Exec implements remote.Executor.
func (s *scene) Exec(_ context.Context, _ remote.Place, argv []string, stdout, stderr io.Writer) error {
	line := strings.Join(argv, " ")
	s.argvs = append(s.argvs, line)
	encode := func(value any) error { return json.NewEncoder(stdout).Encode(value) }
	switch {
	case s.dead[argv[0]] || len(argv) > 2 && s.dead[argv[1]+" "+argv[2]]:
		_, _ = fmt.Fprintln(stderr, "ERROR: [039]: unable to connect to 's3.example.com:443'")
		return &remote.ExitError{Code: 39}
	case argv[0] == "df":
		_, err := fmt.Fprintf(stdout, "1B-blocks Avail\n%d %d\n", int64(600)<<30, s.free)
		return err
	case strings.Contains(line, remote.SlotsStatement):
		_, err := io.WriteString(stdout, s.slots)
		return err
	case argv[0] == "psql":
		return encode(map[string]any{"version": 170004, "walSegmentBytes": 16 << 20, "lastArchived": at("13:41:08"), "lastArchivedWal": s.last})
	case argv[1] == "info":
		return encode([]any{s.info})
	case argv[1] == "repo-ls":
		return encode(s.files[int(argv[2][len("--repo=")]-'0')])
	case argv[1] == "repo-get":
		return s.writeHistory(stdout, argv[len(argv)-1])
	}
	return fmt.Errorf("unexpected command %q", line)
}

// writeHistory writes that of a timeline, by its path such as archive/db/17-1/00000002.history.
func (s *scene) writeHistory(to io.Writer, name string) error {
	number, err := strconv.Atoi(strings.TrimSuffix(path.Base(name), ".history"))
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(s.history, "\n")
	_, err = io.WriteString(to, strings.Join(lines[:number-1], ""))
	return err
}

func (s *scene) gather(ctx context.Context) (Facts, error) {
	return Gather(ctx, s, s, attempt.Clock{WithDelayedExecution: clock.RealClock{}}, "cpo", "cluster")
}
