// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// pod is the pod of a watch.
type pod struct {
	t       testing.TB
	env     Env
	options Options
	log     *bytes.Buffer
}

// noFinder fails a test in which the watch asks for one cluster at a time.
type noFinder struct{ remote.Finder }

func newPod(t testing.TB, f *runtest.Fleet) *pod {
	t.Helper()
	dir, log := t.TempDir(), &bytes.Buffer{}
	return &pod{
		t: t, log: log,
		env: Env{Lister: f, Finder: noFinder{}, Executor: f, Clock: clock.RealClock{}, Log: log},
		options: Options{
			Namespace: runtest.Namespace, Outputs: dir, TerminationLog: filepath.Join(dir, "termination-log"),
			Limit: 4 * time.Minute, ClusterLimit: 45 * time.Second, Parallel: 16,
		},
	}
}

func (p *pod) run() int { return Run(p.t.Context(), p.env, p.options) }

func (p *pod) mustRun() report.Watch {
	p.t.Helper()
	if code := p.run(); code != 0 {
		p.t.Fatalf("exit code %d\n%s", code, p.log)
	}
	found, err := report.DecodeWatch(p.file(vocab.OutputReport))
	if err != nil {
		p.t.Fatal(err)
	}
	return found
}

func (p *pod) file(name string) string {
	p.t.Helper()
	content, err := os.ReadFile(filepath.Join(p.options.Outputs, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(content)
}

func backupOf(ago int) stanzaflowv1alpha1.ListedBackup {
	stop := runtest.Start.AddDate(0, 0, -ago)
	return stanzaflowv1alpha1.ListedBackup{
		Label: stop.Format("20060102-150405") + "F", Type: cpo.Full, StartTime: metav1.NewTime(stop.Add(-time.Minute)), StopTime: metav1.NewTime(stop),
		DatabaseBytes: 22992758, RepoBytes: 4534133, Run: runtest.Run,
	}
}

func TestWatchReports(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := runtest.NewFleet(t)
		f.Latency = time.Second
		f.Add("orders", 2)
		billing := f.AddWithRepoHost("billing", 1)
		billing.Archiving["lastFailed"], billing.Archiving["lastFailedTime"] = "000000010000000000000003", "2026-03-01T01:00:00Z"
		billing.Archiving["failedCount"], billing.Archiving["waiting"], billing.Archiving["walFile"] = 7, 3, "0000000A0000000000000003"
		billing.Info[0]["status"].(map[string]any)["lock"] = map[string]any{"backup": map[string]any{"held": true, "size": 200, "size-cplt": 85}}
		began := time.Now().UTC()
		got := newPod(t, f).mustRun()

		archived := time.Date(2026, 3, 1, 0, 59, 0, 123456000, time.UTC)
		failed := runtest.Start
		oldest, yesterday := runtest.Start.AddDate(0, 0, -2), runtest.Start.AddDate(0, 0, -1)
		volume := &report.Volume{Size: 10737418240, Free: 9663676416}
		want := report.Watch{
			// psql, df, df of the repo, info.
			Start: began, End: began.Add(4 * time.Second),
			Clusters: map[string]report.Sample{
				"orders": {
					Time: began, Volume: volume,
					WAL: &report.WAL{
						Timeline: 1, LSN: "0/3000148", Snapshot: "740:740:", LastArchived: "000000010000000000000002", LastArchivedTime: &archived,
						Bytes: 33554432, SegmentBytes: 16777216,
					},
					Repos: map[string]report.RepoSample{"repo1": {
						Cipher: "none", Labels: []string{"20260227-010000F", "20260228-010000F"}, Fulls: 2, Oldest: &oldest,
						Newest:     []stanzaflowv1alpha1.ListedBackup{backupOf(1), backupOf(2)},
						ArchiveMin: "000000010000000000000001", ArchiveMax: "000000010000000000000002",
					}},
				},
				"billing": {
					Time: began, Volume: volume, Progress: new(42),
					WAL: &report.WAL{
						Timeline: 10, LSN: "0/3000148", Snapshot: "740:740:", LastArchived: "000000010000000000000002", LastArchivedTime: &archived,
						LastFailed: "000000010000000000000003", LastFailedTime: &failed, FailedCount: 7, Waiting: 3, Bytes: 33554432, SegmentBytes: 16777216,
					},
					Repos: map[string]report.RepoSample{"repo1": {
						Cipher: "none", Labels: []string{"20260228-010000F"}, Fulls: 1, Oldest: &yesterday, Newest: []stanzaflowv1alpha1.ListedBackup{backupOf(1)},
						ArchiveMin: "000000010000000000000001", ArchiveMax: "000000010000000000000002", Volume: volume,
					}},
				},
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
	})
}

// TestWatchSaysWhatItCouldNotAsk: each cluster still has a sample, with all that was
// answered.
func TestWatchSaysWhatItCouldNotAsk(t *testing.T) {
	t.Parallel()
	const at = "shop/orders-0 (postgres)"
	for name, test := range map[string]struct {
		spoil       func(*runtest.Member)
		wantMessage string
		// lacks what was not answered: W of WAL, V of Volume, R of Repos.
		lacks string
		// wantRepo is the message of repo1.
		wantRepo string
	}{
		"PostgreSQL is down": {
			spoil: func(m *runtest.Member) {
				m.Fails["psql"] = runtest.Fails(2, "psql: error: connection to server on socket \"/var/run/postgresql/.s.PGSQL.5432\" failed: No such file or directory")
			},
			wantMessage: "cannot query PostgreSQL in " + at + `: psql exit code 2: psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: No such file or directory; look at the log of PostgreSQL there`,
			lacks:       "W",
		},
		"PostgreSQL does not answer": {
			spoil:       func(m *runtest.Member) { m.Fails["psql"] = runtest.Hangs },
			wantMessage: "cannot query PostgreSQL in " + at + ": no answer in time; look at the log of PostgreSQL there",
			lacks:       "W",
		},
		"PostgreSQL answers something else": {
			spoil:       func(m *runtest.Member) { m.Archiving["walFile"] = "x" },
			wantMessage: "cannot read the answer of PostgreSQL in " + at + `: "x" is not the name of a WAL segment`,
			lacks:       "W",
		},
		"PostgreSQL is a standby": {
			spoil: func(m *runtest.Member) {
				m.Archiving["inRecovery"], m.Archiving["lsn"], m.Archiving["walFile"] = true, nil, nil
			},
			wantMessage: "PostgreSQL in " + at + " is in recovery although its pod has the label member.cpo.opensource.cybertec.at/role=master: it is a standby or is being restored; else correct the label",
			lacks:       "W",
		},
		"no pod": {
			spoil:       func(m *runtest.Member) { m.Pods = nil },
			wantMessage: "no pod of postgresql shop/orders has the labels application=cpo,cluster.cpo.opensource.cybertec.at/name=orders,member.cpo.opensource.cybertec.at/role=master: start the cluster, or label its primary",
			lacks:       "WVR",
		},
		"a pod that is not ready": {
			spoil:       func(m *runtest.Member) { m.Pods[0] = runtest.Unready(m.Pods[0]) },
			wantMessage: "container postgres of pod shop/orders-0 is not ready: look at kubectl describe pod -n shop orders-0",
			lacks:       "WVR",
		},
		"no df": {
			spoil: func(m *runtest.Member) { m.DiskFree = "" }, lacks: "V",
		},
		"another df": {
			spoil: func(m *runtest.Member) {
				m.DiskFree = "Filesystem 1B-blocks Used Available Capacity Mounted on\n/dev/sda 10 5 5 50% /\n"
			},
			lacks: "V",
		},
		"pgBackRest fails": {
			spoil: func(m *runtest.Member) {
				m.Fails["info"] = runtest.Fails(37, "ERROR: [037]: info command requires option: stanza")
			},
			wantMessage: "pgbackrest info failed in " + at + ": [037] option-required: info command requires option: stanza; ",
			lacks:       "R",
		},
		"a store that does not answer": {
			spoil:       func(m *runtest.Member) { m.Fails["info"] = runtest.Hangs },
			wantMessage: "pgbackrest info had not ended in " + at + ": no answer in time",
			lacks:       "R",
		},
		"a very long answer": {
			spoil: func(m *runtest.Member) {
				m.Fails["info"] = func(ctx context.Context, c runtest.Call) error {
					for range 100 {
						if _, err := io.WriteString(c.Stdout, strings.Repeat("x", 1<<16)); err != nil {
							return err
						}
					}
					return ctx.Err()
				}
			},
			wantMessage: "lost the stream of pgbackrest info in " + at + ": the answer is longer than 4 MiB",
			lacks:       "R",
		},
		"a repo that pgBackRest cannot read": {
			spoil: func(m *runtest.Member) {
				m.Info[0]["repo"] = []map[string]any{{"key": 1, "cipher": "none", "status": map[string]any{"code": 99, "message": "[HostConnectError] unable to connect to 'minio':9000"}}}
			},
			wantRepo: "pgBackRest in " + at + " cannot use repo1: [049] host-connect: ",
		},
		"a repo that pgBackRest does not know": {
			spoil:    func(m *runtest.Member) { m.Info = runtest.InfoOf(map[int]int{2: 1}) },
			wantRepo: "pgBackRest in " + at + " does not know repo1: ",
		},
		"a repo without a backup": {
			spoil:    func(m *runtest.Member) { m.Info = runtest.InfoOf(map[int]int{1: 0}) },
			wantRepo: "no valid backups",
		},
		"a repo whose files are gone": {
			spoil: func(m *runtest.Member) {
				m.Info[0]["repo"] = []map[string]any{{"key": 1, "cipher": "none", "status": map[string]any{"code": 1, "message": "missing stanza path"}}}
			},
			wantRepo: "missing stanza path",
		},
		"a store that knows no stanza": {
			spoil:    func(m *runtest.Member) { m.Info = []map[string]any{} },
			wantRepo: "missing stanza path",
		},
		"a cluster that is held": {
			spoil:       func(m *runtest.Member) { m.Postgresql.Operation.ScaledToZero = true },
			wantMessage: "postgresql shop/orders is not asked: spec.numberOfInstances is 0: there is nothing to back up",
			lacks:       "WVR",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := runtest.NewFleet(t)
				test.spoil(f.Add("orders", 1))
				p := newPod(t, f)
				got := p.mustRun().Clusters["orders"]
				if !strings.HasPrefix(got.Message, test.wantMessage) || test.wantMessage == "" && got.Message != "" {
					t.Errorf("message %q\nwant    %q", got.Message, test.wantMessage)
				}
				for what, missing := range map[string]bool{"W": got.WAL == nil, "V": got.Volume == nil, "R": got.Repos == nil} {
					if want := strings.Contains(test.lacks, what); missing != want {
						t.Errorf("%s is missing: %t, want %t in %+v", what, missing, want, got)
					}
				}
				if repo := got.Repos["repo1"]; !strings.HasPrefix(repo.Message, test.wantRepo) || test.wantRepo == "" && repo.Message != "" {
					t.Errorf("message of repo1 %q\nwant             %q", repo.Message, test.wantRepo)
				} else if want := strings.HasPrefix(test.wantRepo, "pgBackRest in"); repo.Unread != want {
					t.Errorf("repo1 is unread: %t, want %t", repo.Unread, want)
				}
				if got.Time.IsZero() {
					t.Error("a sample without a time")
				}
			})
		})
	}
}

// TestWatchFindsReposAsARunDoes: a repo on the repo host is asked there and a bucket from
// the primary; what one of them cannot say does not hide the other.
func TestWatchFindsReposAsARunDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := runtest.NewFleet(t)
		for _, name := range []string{"both", "no-primary", "no-host"} {
			m := f.AddWithRepoHost(name, 1)
			m.Postgresql.PgBackRest.Repos = append(m.Postgresql.PgBackRest.Repos, cpo.Repo{Name: "repo2", Storage: cpo.StorageS3, Resource: "backups"})
			m.Info = runtest.InfoOf(map[int]int{1: 1, 2: 2})
			switch name {
			case "no-primary":
				m.Pods = m.Pods[1:]
			case "no-host":
				m.Pods = m.Pods[:1]
			}
		}
		clusters := newPod(t, f).mustRun().Clusters
		for name, want := range map[string]struct {
			repo1, repo2 int
			problems     int
		}{"both": {1, 2, 0}, "no-primary": {1, 0, 1}, "no-host": {0, 2, 1}} {
			got := clusters[name]
			if len(got.Repos["repo1"].Labels) != want.repo1 || len(got.Repos["repo2"].Labels) != want.repo2 {
				t.Errorf("%s: repos %+v", name, got.Repos)
			}
			if problems := strings.Count(got.Message, "no pod of postgresql"); problems != want.problems {
				t.Errorf("%s: message %q", name, got.Message)
			}
			if volume := got.Repos["repo2"].Volume; volume != nil {
				t.Errorf("%s: the bucket has a volume: %v", name, volume)
			}
		}
	})
}

// TestWatchFindsPodsByTheLabelsOfTheirCPO: those that the operator has declared.
func TestWatchFindsPodsByTheLabelsOfTheirCPO(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := runtest.NewFleet(t)
		m := f.Add("orders", 1)
		m.Pods[0].Labels = map[string]string{"team": "pg", "cluster-name": "orders", "spilo-role": "master"}
		m.Stanza.Status.Configuration = &stanzaflowv1alpha1.ConfigurationStatus{Labels: &stanzaflowv1alpha1.PodLabels{
			Cluster: map[string]string{"team": "pg"}, ClusterName: "cluster-name", Role: "spilo-role",
		}}
		f.Add("billing", 1)
		for name, sample := range newPod(t, f).mustRun().Clusters {
			if sample.Message != "" || sample.WAL == nil {
				t.Errorf("%s: %+v", name, sample)
			}
		}
		if lists, _ := f.Requests(); lists != 4 {
			t.Errorf("%d lists, want those of postgresqls, Stanzas and the pods of either CPO", lists)
		}
	})
}

func TestWatchLeavesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := runtest.NewFleet(t)
		f.Add("watched", 1)
		f.Add("no-section", 0).Postgresql.PgBackRest = nil
		f.Add("no-repo", 0).Postgresql.PgBackRest.Repos = nil
		f.Add("not-managed", 0).Stanza.Spec.Managed = new(false)
		f.Add("of-cpo", 0).Stanza.Status.Conditions = []metav1.Condition{{Type: vocab.ConditionAccepted, Reason: string(vocab.ReasonManagedByCPO)}}
		f.Add("with-a-problem", 1).Stanza.Status.Conditions = []metav1.Condition{{Type: vocab.ConditionAccepted, Reason: string(vocab.ReasonInvalidField)}}
		f.Add("managed", 1).Stanza.Spec.Managed = new(true)
		p := newPod(t, f)
		found := p.mustRun()
		var names []string
		for _, name := range []string{"managed", "no-repo", "no-section", "not-managed", "of-cpo", "watched", "with-a-problem"} {
			if _, ok := found.Clusters[name]; ok {
				names = append(names, name)
			}
		}
		if diff := cmp.Diff([]string{"managed", "watched", "with-a-problem"}, names); diff != "" {
			t.Errorf("clusters (-want +got):\n%s", diff)
		}
		if got := p.file(vocab.OutputMessage); got != "3 clusters: 3 archive" {
			t.Errorf("message %q", got)
		}
	})
}

func TestWatchFails(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	for name, test := range map[string]struct {
		errs    []error
		change  func(*Options)
		want    int
		message string
	}{
		"the API server is back soon": {errs: []error{down, down}},
		"the API server is down":      {errs: []error{down, down, down}, want: ExitGaveUp, message: "cannot list the postgresqls of namespace shop: connection refused"},
		"no namespace":                {change: func(o *Options) { o.Namespace = "" }, want: ExitStop, message: "--namespace is empty: name the namespace whose clusters are asked"},
		"no time for a cluster":       {change: func(o *Options) { o.ClusterLimit = 0 }, want: ExitStop, message: "--cluster-limit is 0s, must be positive"},
		"no time for the whole":       {change: func(o *Options) { o.Limit = time.Second }, want: ExitStop, message: "--limit is 1s, must not be less than --cluster-limit, 45s"},
		"none at a time":              {change: func(o *Options) { o.Parallel = 0 }, want: ExitStop, message: "--parallel is 0, must be at least 1"},
		"nowhere to report":           {change: func(o *Options) { o.Outputs += "/none" }, want: ExitGaveUp, message: "cannot leave output "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := runtest.NewFleet(t)
				f.Add("orders", 1)
				f.ListErrors = test.errs
				p := newPod(t, f)
				if test.change != nil {
					test.change(&p.options)
				}
				if code := p.run(); code != test.want {
					t.Fatalf("exit code %d, want %d\n%s", code, test.want, p.log)
				}
				if test.want == 0 {
					return
				}
				left, err := os.ReadFile(p.options.TerminationLog)
				if err != nil || !strings.HasPrefix(string(left), test.message) {
					t.Errorf("termination message %q, %v; want %q", left, err, test.message)
				}
				if _, err := os.Stat(filepath.Join(p.options.Outputs, vocab.OutputReport)); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("a watch that failed left a report: %v", err)
				}
			})
		})
	}
}

// TestWatchThatIsStopped exits with a code for which the template starts another pod.
func TestWatchThatIsStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := runtest.NewFleet(t)
		f.Add("orders", 1).Fails["psql"] = runtest.Hangs
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		p := newPod(t, f)
		if code := Run(ctx, p.env, p.options); code != ExitStopped {
			t.Errorf("exit code %d, want %d", code, ExitStopped)
		}
	})
}

// fleet has 100 clusters with a latency that a slow API server has, a third of them with a
// repo host.
func fleet(t testing.TB, clusters int) *runtest.Fleet {
	t.Helper()
	f := runtest.NewFleet(t)
	f.Latency = 250 * time.Millisecond
	for i := range clusters {
		if name := fmt.Sprintf("db-%04d", i); i%3 == 0 {
			f.AddWithRepoHost(name, 30)
		} else {
			f.Add(name, 30)
		}
	}
	return f
}

func TestWatchOfAHundredClusters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := fleet(t, 100)
		p := newPod(t, f)
		found := p.mustRun()
		lists, commands := f.Requests()
		t.Logf("MEASURED watch of 100 clusters with 250 ms for each command: %s, %d lists, %d commands, at most %d at once",
			found.End.Sub(found.Start), lists, commands, f.Most())
		// 3 commands for a cluster, and df of the repo for 34 of them.
		if lists != 3 || commands != 334 {
			t.Errorf("%d lists and %d commands, want 3 and 334", lists, commands)
		}
		// 7 rounds of 2 commands, and the repos meanwhile.
		if took := found.End.Sub(found.Start); took > 6*time.Second {
			t.Errorf("it took %s", took)
		}
		if most := f.Most(); most > 48 {
			t.Errorf("%d commands ran at once, want 16 in PostgreSQL and 32 for repos at most", most)
		}
		if got := p.file(vocab.OutputMessage); got != "100 clusters: 100 archive" {
			t.Errorf("message %q", got)
		}
	})
}

// TestAHangingClusterDelaysNoOther: the others are asked as if it were not there.
func TestAHangingClusterDelaysNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := fleet(t, 99)
		hangs := f.AddWithRepoHost("hangs", 30)
		for _, command := range []string{"psql", "df", "info"} {
			hangs.Fails[command] = runtest.Hangs
		}
		p := newPod(t, f)
		found := p.mustRun()
		var last time.Duration
		for name, sample := range found.Clusters {
			if name == "hangs" {
				continue
			}
			last = max(last, sample.Time.Sub(found.Start))
			if sample.WAL == nil || sample.Repos == nil || sample.Message != "" {
				t.Errorf("%s: %+v", name, sample)
			}
		}
		took := found.End.Sub(found.Start)
		t.Logf("MEASURED watch of 100 clusters, one of them hanging: %s; the last of the others was asked after %s", took, last)
		// The one that hangs has 45 s from its turn on, and may be the last to get one.
		if last > 5*time.Second || took > 50*time.Second {
			t.Errorf("the last of the others was asked after %s, and all took %s", last, took)
		}
		if got := p.file(vocab.OutputMessage); got != "100 clusters: 99 archive, 1 not reached (hangs)" {
			t.Errorf("message %q", got)
		}
	})
}

// TestAStoreThatIsDownHidesNoArchiving: every cluster waits for it, and is asked about its
// WAL before.
func TestAStoreThatIsDownHidesNoArchiving(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := runtest.NewFleet(t)
		f.Latency = 250 * time.Millisecond
		for i := range 100 {
			// 40 s, as pgBackRest gives up on a store.
			f.Add(fmt.Sprintf("db-%d", i), 1).Fails["info"] = func(ctx context.Context, c runtest.Call) error {
				select {
				case <-time.After(40 * time.Second):
				case <-ctx.Done():
					return ctx.Err()
				}
				return runtest.Fails(49, "ERROR: [049]: unable to connect to 's3.example.org:443'")(ctx, c)
			}
		}
		found := newPod(t, f).mustRun()
		for name, sample := range found.Clusters {
			if sample.WAL == nil || sample.Time.Sub(found.Start) > 5*time.Second || !strings.Contains(sample.Message, "[049]") {
				t.Errorf("%s, asked after %s: %+v", name, sample.Time.Sub(found.Start), sample)
			}
		}
		t.Logf("MEASURED watch of 100 clusters whose store is down: %s", found.End.Sub(found.Start))
	})
}

// TestWatchThatIsOutOfTime reports what it has, and says of the others that it did not
// come to them.
func TestWatchThatIsOutOfTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := runtest.NewFleet(t)
		for i := range 40 {
			m := f.Add(fmt.Sprintf("db-%02d", i), 1)
			m.Fails["psql"], m.Fails["df"], m.Fails["info"] = runtest.Hangs, runtest.Hangs, runtest.Hangs
		}
		p := newPod(t, f)
		p.options.Parallel, p.options.Limit = 1, time.Minute
		found := p.mustRun()
		unasked := 0
		for _, sample := range found.Clusters {
			if strings.Contains(sample.Message, "the watch was out of time before it came to postgresql shop/db-") {
				unasked++
			}
		}
		if took := found.End.Sub(found.Start); took != time.Minute || len(found.Clusters) != 40 || unasked < 30 {
			t.Errorf("%s, %d clusters, %d of them not asked", took, len(found.Clusters), unasked)
		}
	})
}

// TestAReportThatIsTooLong describes fewer backups, before it is refused.
func TestAReportThatIsTooLong(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(15, 15))
	watchOf := func(clusters int) report.Watch {
		found := report.Watch{Start: runtest.Start, End: runtest.Start, Clusters: map[string]report.Sample{}}
		for i := range clusters {
			var newest []stanzaflowv1alpha1.ListedBackup
			for range newestBackups {
				newest = append(newest, stanzaflowv1alpha1.ListedBackup{Label: "20260301-010000F", Run: fmt.Sprintf("%x%x", random.Uint64(), random.Uint64())})
			}
			found.Clusters[strconv.Itoa(i)] = report.Sample{Time: runtest.Start, Repos: map[string]report.RepoSample{"repo1": {Labels: []string{"20260301-010000F"}, Newest: newest}}}
		}
		return found
	}
	for clusters, want := range map[int]int{100: 10, 2000: 3} {
		text, err := encode(watchOf(clusters))
		if err != nil {
			t.Fatal(err)
		}
		found, err := report.DecodeWatch(string(text))
		if err != nil {
			t.Fatal(err)
		}
		for name, sample := range found.Clusters {
			if repo := sample.Repos["repo1"]; len(repo.Newest) != want || len(repo.Labels) != 1 {
				t.Fatalf("%d clusters: %s has %d newest backups and %d labels, want %d and 1", clusters, name, len(repo.Newest), len(repo.Labels), want)
			}
		}
	}
	if _, err := encode(watchOf(20000)); err == nil || !strings.HasPrefix(err.Error(), "the report of 20000 clusters has ") {
		t.Errorf("a report that no Workflow holds: %v", err)
	}
}

// BenchmarkWatch shows what the program itself takes for a namespace.
func BenchmarkWatch(b *testing.B) {
	for _, clusters := range []int{100, 1000} {
		b.Run(fmt.Sprintf("%d clusters", clusters), func(b *testing.B) {
			f := fleet(b, clusters)
			f.Latency = 0
			b.ReportAllocs()
			for b.Loop() {
				newPod(b, f).mustRun()
			}
		})
	}
}
