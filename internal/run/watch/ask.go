// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
)

// psqlLimit bounds the question to PostgreSQL, and diskLimit one to df. psql itself gives
// up before.
const (
	psqlLimit = 15 * time.Second
	diskLimit = 5 * time.Second
)

// asking is the questions to one cluster, and what is answered so far.
type asking struct {
	target

	cluster *remote.Cluster
	clock   attempt.Clock
	sample  report.Sample
	// problems are what could not be asked, a sentence each.
	problems []string
	// lost are the containers that were not found.
	lost []string
}

// ask asks one cluster. What it waits for its turns does not count against its limit.
func (w *watch) ask(ctx context.Context, t target) report.Sample {
	a := &asking{
		target: t, clock: w.clock,
		cluster: &remote.Cluster{
			Finder: listed{w.Finder, t.pods}, Executor: bounded{w.Executor}, Clock: w.clock,
			Namespace: w.Namespace, Name: t.postgresql.Name, Labels: t.labels, Log: w.Log, Logf: w.logf,
		},
	}
	if why := t.postgresql.Operation.Held(); why != "" {
		a.problem("postgresql %s/%s is not asked: %s", w.Namespace, t.postgresql.Name, why)
		return a.end()
	}
	left := w.ClusterLimit
	for _, part := range []struct {
		turns turns
		ask   func(context.Context)
	}{{w.primaries, a.askPrimary}, {w.repos, a.askRepos}} {
		if !part.turns.take(ctx) {
			a.problem("the watch was out of time before it came to postgresql %s/%s: others did not answer; see their messages", w.Namespace, t.postgresql.Name)
			break
		}
		started := w.Clock.Now()
		within, cancel := w.clock.Within(ctx, left, attempt.ErrNoAnswer)
		part.ask(within)
		cancel()
		part.turns.give()
		left -= w.Clock.Since(started)
	}
	return a.end()
}

// end completes the sample.
func (a *asking) end() report.Sample {
	if a.sample.WAL == nil {
		a.sample.Time = a.clock.Now().UTC()
	}
	a.sample.Message = report.OneLine(strings.Join(a.problems, "; "))
	return a.sample
}

func (a *asking) problem(format string, args ...any) {
	a.problems = append(a.problems, fmt.Sprintf(format, args...))
}

// find returns a container. If there is none, the sample says so once.
func (a *asking) find(ctx context.Context, container storage.Container) (remote.Place, bool) {
	if slices.Contains(a.lost, container.Name) {
		return remote.Place{}, false
	}
	at, err := a.cluster.Find(ctx, container)
	if err != nil {
		a.lost = append(a.lost, container.Name)
		a.problem("%v", err)
	}
	return at, err == nil
}

// askPrimary asks PostgreSQL, and how much room its WAL has: also if PostgreSQL does not
// answer, for a full volume is the most frequent cause.
func (a *asking) askPrimary(ctx context.Context) {
	primary := storage.Container{Role: "primary", Selector: a.labels.Primary(a.postgresql.Name), Name: cpo.ContainerPostgreSQL}
	at, ok := a.find(ctx, primary)
	if !ok {
		return
	}
	// Every commit before this moment is at or before the LSN.
	asked := a.clock.Now().UTC()
	archiving, err := a.readArchiving(ctx, at)
	switch {
	case err != nil:
		a.problem("%v; look at the log of PostgreSQL there", err)
	case archiving.InRecovery:
		a.problem("PostgreSQL in %s is in recovery although its pod has the label %s=%s: it is a standby or is being restored; else correct the label",
			at, a.labels.Role, cpo.RolePrimary)
	default:
		if a.sample.WAL, err = walOf(archiving); err != nil {
			a.problem("cannot read the answer of PostgreSQL in %s: %v", at, err)
			break
		}
		a.sample.Time = asked
	}
	a.sample.Volume = a.volume(ctx, at, remote.WALPath)
}

func (a *asking) readArchiving(ctx context.Context, at remote.Place) (remote.Archiving, error) {
	ctx, cancel := a.clock.Within(ctx, psqlLimit, attempt.ErrNoAnswer)
	defer cancel()
	return a.cluster.ReadArchiving(ctx, at)
}

// volume is nil if it is not known.
func (a *asking) volume(ctx context.Context, at remote.Place, path string) *report.Volume {
	ctx, cancel := a.clock.Within(ctx, diskLimit, attempt.ErrNoAnswer)
	defer cancel()
	size, free, known := a.cluster.DiskFree(ctx, at, path)
	if !known {
		return nil
	}
	return &report.Volume{Size: size, Free: free}
}

// askRepos asks the container that makes the backups of each repo, as a run does, and each
// container once.
func (a *asking) askRepos(ctx context.Context) {
	var hosts []storage.Container
	byHost := map[string][]storage.Target{}
	names := map[int]string{}
	for _, repo := range a.postgresql.PgBackRest.Repos {
		t, err := storage.TargetFor(a.postgresql, a.labels, repo.Name)
		if err != nil || names[t.Repo] != "" {
			continue // The Stanza says what is wrong with it.
		}
		names[t.Repo] = repo.Name
		if byHost[t.Host.Name] == nil {
			hosts = append(hosts, t.Host)
		}
		byHost[t.Host.Name] = append(byHost[t.Host.Name], t)
	}
	for _, host := range hosts {
		if at, ok := a.find(ctx, host); ok {
			a.askHost(ctx, at, byHost[host.Name], names)
		}
	}
}

// askHost asks about some repos in one container. The room on their volumes comes first:
// info may wait for a store.
func (a *asking) askHost(ctx context.Context, at remote.Place, targets []storage.Target, names map[int]string) {
	volumes := map[int]*report.Volume{}
	for _, t := range targets {
		if t.OnRepoHost() {
			volumes[t.Repo] = a.volume(ctx, at, remote.RepoPath(names[t.Repo]))
		}
	}
	info, _, err := a.cluster.Info(ctx, at, pgbackrest.AllRepos)
	if err != nil {
		a.problem("%v", err)
		return
	}
	if a.sample.Repos == nil {
		a.sample.Repos = map[string]report.RepoSample{}
	}
	for _, t := range targets {
		sample := repoOf(info, t.Repo)
		sample.Message, sample.Unread = listing(at, info, t.Repo)
		sample.Volume = volumes[t.Repo]
		a.sample.Repos[names[t.Repo]] = sample
	}
	if progress := progressOf(info); progress != nil {
		a.sample.Progress = progress
	}
}

// listing is why a repo lists no backup: pgBackRest's own words if it has read it and found
// none, and else a sentence for people. Empty for one that has backups.
func listing(at remote.Place, info pgbackrest.Info, repo int) (message string, unread bool) {
	status := info.Status
	if r, ok := info.Repo(repo); ok {
		status = r.Status
	} else if len(info.Repos) > 0 {
		status = pgbackrest.Status{}
	}
	if status.Empty() {
		return status.Message, false
	}
	if err := remote.CheckRepo(at, info, repo); err != nil {
		return report.OneLine(err.Error()), true
	}
	return "", false
}
