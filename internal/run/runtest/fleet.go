// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Fleet is a namespace of clusters, for tests of the watch. It implements remote.Lister
// and remote.Executor, and fails the test for any command that does more than read.
type Fleet struct {
	T testing.TB
	// Latency is how long each command takes.
	Latency time.Duration
	// ListErrors come first, one for each list.
	ListErrors []error

	mu sync.Mutex
	// members by their names, pods by theirs.
	members map[string]*Member
	pods    map[string]*Member
	// lists counts the requests for lists, running the commands that run now, and most how
	// many have at once.
	lists         int
	calls         []Call
	running, most int
}

// Member is one cluster of a Fleet.
type Member struct {
	Postgresql cpo.Postgresql
	Stanza     stanzaflowv1alpha1.Stanza
	Pods       []corev1.Pod
	// Archiving is what its PostgreSQL answers.
	Archiving map[string]any
	// DiskFree is what df prints, empty if the image has none.
	DiskFree string
	// Info is what pgbackrest info prints.
	Info []map[string]any
	// Fails is what a command does instead, by its name: psql, df, info.
	Fails map[string]Script
}

// NewFleet returns a Fleet without clusters.
func NewFleet(t testing.TB) *Fleet {
	t.Helper()
	return &Fleet{T: t, members: map[string]*Member{}, pods: map[string]*Member{}}
}

// Add adds a cluster whose WAL is archived, with a repo in a bucket that has some backups.
func (f *Fleet) Add(name string, backups int) *Member {
	m := &Member{
		Postgresql: cpo.Postgresql{Namespace: Namespace, Name: name, PgBackRest: &cpo.PgBackRest{
			Repos: []cpo.Repo{{Name: "repo1", Storage: cpo.StorageS3, Resource: "backups", Endpoint: "s3.example.org", Region: "eu"}},
		}},
		Archiving: map[string]any{
			"inRecovery": false, "snapshot": "740:740:", "lsn": "0/3000148", "walFile": "000000010000000000000003",
			"lastArchived": "000000010000000000000002", "lastArchivedTime": "2026-03-01T00:59:00.123456+00:00",
			"lastFailed": nil, "lastFailedTime": nil, "failedCount": 0, "waiting": 0, "walBytes": 33554432, "segmentBytes": 16777216,
			"archivingOff": false,
		},
		DiskFree: "   1B-blocks       Avail\n 10737418240  9663676416\n",
		Info:     InfoOf(map[int]int{1: backups}),
		Fails:    map[string]Script{},
	}
	pod := Primary(name + "-0")
	pod.Labels = cpo.DefaultLabels().Primary(name)
	m.Pods = []corev1.Pod{pod}
	f.members[name] = m
	return m
}

// AddWithRepoHost adds a cluster whose repo is on a repo host.
func (f *Fleet) AddWithRepoHost(name string, backups int) *Member {
	m := f.Add(name, backups)
	m.Postgresql.PgBackRest.Repos = []cpo.Repo{{Name: "repo1", Storage: cpo.StoragePVC, Volume: &cpo.Volume{Size: "5Gi"}}}
	host := RepoHost(name + "-pgbackrest-repo-host-0")
	host.Labels = cpo.DefaultLabels().RepoHost(name)
	m.Pods = append(m.Pods, host)
	return m
}

// InfoOf is pgbackrest info of repos with so many full backups, one a day, the last of
// them a day before Start.
func InfoOf(backups map[int]int) []map[string]any {
	type object = map[string]any
	stanza := object{
		"name": vocab.PgBackRestStanza, "cipher": "none",
		"status": object{"code": 0, "message": "ok", "lock": object{"backup": object{"held": false}}},
	}
	var repos, listed, archives, databases []object
	for repo := 1; repo <= 4; repo++ {
		count, ok := backups[repo]
		if !ok {
			continue
		}
		status := object{"code": pgbackrest.StatusOK, "message": "ok"}
		if count == 0 {
			status = object{"code": pgbackrest.StatusNoBackups, "message": "no valid backups"}
		}
		repos = append(repos, object{"key": repo, "cipher": pgbackrest.CipherNone, "status": status})
		databases = append(databases, object{"id": 1, "repo-key": repo, "version": "16", "system-id": json.Number("7710987021816380561")})
		archives = append(archives, object{
			"database": object{"id": 1, "repo-key": repo}, "id": "16-1", "min": "000000010000000000000001", "max": "000000010000000000000002",
		})
		for i := range count {
			stop := Start.AddDate(0, 0, i-count)
			listed = append(listed, object{
				"label": stop.Format("20060102-150405") + "F", "type": cpo.Full, "prior": nil, "reference": nil, "error": false,
				"annotation": object{vocab.BackupAnnotation: Run},
				"database":   object{"id": 1, "repo-key": repo}, "backrest": object{"format": 5, "version": "2.55.1"},
				"timestamp": object{"start": stop.Unix() - 60, "stop": stop.Unix()},
				"archive":   object{"start": "000000010000000000000001", "stop": "000000010000000000000001"},
				"lsn":       object{"start": "0/2000028", "stop": "0/3000050"},
				"info":      object{"size": 22992758, "delta": 22992758, "repository": object{"size": BackupBytes, "delta": BackupBytes}},
			})
		}
	}
	stanza["repo"], stanza["backup"], stanza["archive"], stanza["db"] = repos, listed, archives, databases
	return []object{stanza}
}

// Requests returns how many requests for lists there were, and how many commands.
func (f *Fleet) Requests() (lists, commands int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lists, len(f.calls)
}

// Calls returns all commands that were run.
func (f *Fleet) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Most returns how many commands ran at once.
func (f *Fleet) Most() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most
}

func (f *Fleet) list(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists++
	if len(f.ListErrors) > 0 {
		err := f.ListErrors[0]
		f.ListErrors = f.ListErrors[1:]
		return err
	}
	return ctx.Err()
}

// Postgresqls implements remote.Lister.
func (f *Fleet) Postgresqls(ctx context.Context, _ string) ([]cpo.Postgresql, error) {
	if err := f.list(ctx); err != nil {
		return nil, err
	}
	var all []cpo.Postgresql
	for _, m := range f.members {
		all = append(all, m.Postgresql)
	}
	return all, nil
}

// Stanzas implements remote.Lister.
func (f *Fleet) Stanzas(ctx context.Context, _ string) (map[string]stanzaflowv1alpha1.Stanza, error) {
	all := map[string]stanzaflowv1alpha1.Stanza{}
	for name, m := range f.members {
		all[name] = m.Stanza
	}
	return all, f.list(ctx)
}

// PodsInBrief implements remote.Lister.
func (f *Fleet) PodsInBrief(ctx context.Context, _ string, selector map[string]string) ([]corev1.Pod, error) {
	if err := f.list(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []corev1.Pod
	for _, m := range f.members {
		for _, pod := range m.Pods {
			f.pods[pod.Name] = m
			if labels.SelectorFromSet(selector).Matches(labels.Set(pod.Labels)) {
				all = append(all, pod)
			}
		}
	}
	return all, nil
}

// Exec implements remote.Executor.
func (f *Fleet) Exec(ctx context.Context, at remote.Place, argv []string, stdout, stderr io.Writer) error {
	c := Call{at, argv, stdout, stderr}
	m := f.begin(c)
	defer f.end()
	if m == nil {
		return fmt.Errorf("pods %q not found", at.Pod)
	}
	if f.Latency > 0 {
		timer := time.NewTimer(f.Latency) //nolint:forbidigo // it is a latency, not a wait for something
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if script := m.Fails[c.Name()]; script != nil {
		return script(ctx, c)
	}
	switch strings.Join(argv, " ") {
	case strings.Join(remote.ArchivingCommand(), " "):
		f.wantContainer(c, cpo.ContainerPostgreSQL)
		return c.PrintJSON(m.Archiving)
	case strings.Join(remote.DiskFreeCommand(remote.WALPath), " "), strings.Join(remote.DiskFreeCommand(remote.RepoPath("repo1")), " "):
		if m.DiskFree == "" {
			return &remote.ExitError{Code: 127}
		}
		return c.Print(m.DiskFree)
	case "pgbackrest info --stanza=db --output=json --io-timeout=10 --log-level-console=off --log-level-stderr=warn":
		return c.PrintJSON(m.Info)
	}
	f.T.Errorf("unexpected command %q in %s: the watch only reads", argv, at)
	return &remote.ExitError{Code: 48}
}

func (f *Fleet) wantContainer(c Call, container string) {
	if c.At.Container != container {
		f.T.Errorf("%s ran in %s, want container %s", c.Name(), c.At, container)
	}
}

func (f *Fleet) begin(c Call) *Member {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, c)
	f.running++
	f.most = max(f.most, f.running)
	return f.pods[c.At.Pod]
}

func (f *Fleet) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running--
}

// Hangs does not answer before the context ends.
func Hangs(ctx context.Context, _ Call) error {
	<-ctx.Done()
	return ctx.Err()
}
