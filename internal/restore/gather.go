// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Source reads the API server.
type Source interface {
	Postgresql(ctx context.Context, namespace, name string) (cluster cpo.Postgresql, backupDigest string, err error)
	Stanza(ctx context.Context, namespace, name string) (stanzaflowv1alpha1.Stanza, error)
	Pods(ctx context.Context, namespace string, labels map[string]string) ([]corev1.Pod, error)
}

// Facts are all that is known of a cluster for a restore.
type Facts struct {
	Namespace, Cluster string
	Input              restoreplan.Input
	// Provisioner of the cluster. CPO makes the restores of its own. Empty if unknown.
	Provisioner vocab.Provisioner
	// Locations of the repos by their numbers, as the Stanza shows them.
	Locations map[int]string
	// Pod of the primary. Empty if there is none.
	Pod string
	// Members is how many pods of PostgreSQL the cluster has.
	Members int
	// Unknown are sentences about what could not be asked.
	Unknown []string
}

// gathering is the questions, and what is answered so far.
type gathering struct {
	cluster *remote.Cluster
	facts   Facts
	stanza  stanzaflowv1alpha1.Stanza
}

// Gather asks all that a plan needs. The error says why no plan can be made.
func Gather(ctx context.Context, from Source, executor remote.Executor, clock attempt.Clock, namespace, name string) (Facts, error) {
	g := gathering{facts: Facts{Namespace: namespace, Cluster: name, Locations: map[int]string{}}}
	var err error
	switch g.stanza, err = from.Stanza(ctx, namespace, name); {
	case err != nil:
		g.unknown("the Stanza cannot be read, so no moment is known to be archived, and no drill: %v", err)
	case g.stanza.Name == "":
		g.unknown("there is no Stanza %s, so no moment is known to be archived, and no drill", name)
	}
	g.cluster = &remote.Cluster{
		Finder: finder{Source: from}, Executor: executor, Clock: clock, Namespace: namespace, Name: name,
		Labels: remote.LabelsIn(g.stanza.Status), Log: io.Discard, Logf: func(string, ...any) {},
	}
	g.readResource(ctx, from)
	g.countMembers(ctx, from)
	at, primary, err := g.place(ctx)
	if err != nil {
		return g.facts, err
	}
	g.readStanza()
	if primary { // Before the repos: what it has archived must be in them.
		g.facts.Pod = at.Pod
		g.readPrimary(ctx, at)
	}
	if g.facts.Input.Info, _, err = g.cluster.Info(ctx, at, pgbackrest.AllRepos); err != nil {
		return g.facts, err
	}
	g.readRepos(ctx, at)
	return g.facts, nil
}

// finder is a Source where a whole Finder is asked for. The rest is never called.
type finder struct {
	remote.Finder
	Source
}

// Postgresql implements remote.Finder.
func (f finder) Postgresql(ctx context.Context, namespace, name string) (cpo.Postgresql, string, error) {
	return f.Source.Postgresql(ctx, namespace, name)
}

// Stanza implements remote.Finder.
func (f finder) Stanza(ctx context.Context, namespace, name string) (stanzaflowv1alpha1.Stanza, error) {
	return f.Source.Stanza(ctx, namespace, name)
}

// Pods implements remote.Finder.
func (f finder) Pods(ctx context.Context, namespace string, labels map[string]string) ([]corev1.Pod, error) {
	return f.Source.Pods(ctx, namespace, labels)
}

func (g *gathering) unknown(format string, args ...any) {
	g.facts.Unknown = append(g.facts.Unknown, fmt.Sprintf(format, args...))
}

// readResource reads who restores the cluster. A cluster that is gone can be restored, too.
func (g *gathering) readResource(ctx context.Context, from Source) {
	if c := g.stanza.Status.Configuration; c != nil {
		g.facts.Provisioner = vocab.Provisioner(c.Provisioner)
	}
	if _, _, err := from.Postgresql(ctx, g.facts.Namespace, g.facts.Cluster); err != nil {
		g.unknown("the postgresql cannot be read: %v", err)
	}
}

// countMembers counts the pods in which PostgreSQL runs or should run: with more than one,
// something like Patroni starts and stops them.
func (g *gathering) countMembers(ctx context.Context, from Source) {
	pods, err := from.Pods(ctx, g.facts.Namespace, g.cluster.Labels.Members(g.facts.Cluster))
	if err != nil {
		return // Who looks for a place to ask says it.
	}
	for i := range pods {
		pod := &pods[i]
		over := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		if !over && slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == cpo.ContainerPostgreSQL }) {
			g.facts.Members++
		}
	}
}

// place returns a container in which pgBackRest answers: the primary, or else any other
// with the configuration.
func (g *gathering) place(ctx context.Context) (at remote.Place, primary bool, err error) {
	container := storage.Container{Role: "primary", Selector: g.cluster.Labels.Primary(g.facts.Cluster), Name: cpo.ContainerPostgreSQL}
	at, err = g.cluster.Find(ctx, container)
	if err == nil {
		return at, true, nil
	}
	members, listErr := g.cluster.Members(ctx)
	if listErr != nil {
		return remote.Place{}, false, listErr
	}
	g.unknown("PostgreSQL is not asked: %v", err)
	slices.SortStableFunc(members, func(a, b remote.Member) int { return rank(a) - rank(b) })
	for _, m := range members {
		if m.Ready || m.Container == cpo.ContainerPostgreSQL {
			return m.Place, false, nil
		}
	}
	return remote.Place{}, false, fmt.Errorf("no pod of postgresql %s/%s runs in which pgBackRest could be asked: start one with the configuration and without the labels of the primary, docs/restore.md#without-a-pod",
		g.facts.Namespace, g.facts.Cluster)
}

// rank puts what knows all repos before a repo host.
func rank(m remote.Member) int {
	order := 0
	if m.Container != cpo.ContainerPostgreSQL {
		order = 2
	}
	if !m.Ready {
		order++
	}
	return order
}

// readRepos lists the archive of each repo. One that cannot be read does not hide the
// others.
func (g *gathering) readRepos(ctx context.Context, at remote.Place) {
	g.facts.Input.Repos = map[int]restoreplan.Repo{}
	for _, repo := range g.facts.Input.Info.Repos {
		if repo.Status.Code != pgbackrest.StatusOK && !repo.Status.Empty() {
			continue // The plan says what is wrong with it.
		}
		read, err := g.readRepo(ctx, at, repo.Key)
		if err != nil {
			read = restoreplan.Repo{Problem: sentence(err)}
		}
		g.facts.Input.Repos[repo.Key] = read
	}
}

func (g *gathering) readRepo(ctx context.Context, at remote.Place, repo int) (restoreplan.Repo, error) {
	listing, err := g.cluster.Archives(ctx, at, repo)
	if err != nil {
		return restoreplan.Repo{}, err
	}
	histories, err := g.cluster.Histories(ctx, at, repo, listing)
	return restoreplan.Repo{Archives: listing, Histories: histories}, err
}

// sentence is what a failure says, on one line.
func sentence(err error) string {
	if failure, ok := errors.AsType[*attempt.Failure](err); ok {
		return failure.Message
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// readPrimary asks PostgreSQL what only it knows. Nothing of it is needed.
func (g *gathering) readPrimary(ctx context.Context, at remote.Place) {
	in := &g.facts.Input
	postgres, err := g.cluster.ReadPostgres(ctx, at)
	if err != nil {
		g.unknown("PostgreSQL does not answer, so its slots are not known: %s", sentence(err))
	} else {
		const perMajor = 10000
		in.Major, in.SegmentBytes = postgres.Version/perMajor, wal.Size(postgres.WALSegmentBytes)
		if slots, err := g.cluster.ReadSlots(ctx, at); err != nil {
			g.unknown("the replication slots are not known: %s", sentence(err))
		} else {
			in.Slots = slots
		}
		if postgres.LastArchivedWAL != nil && postgres.LastArchived != nil {
			archived(in, *postgres.LastArchivedWAL)
		}
	}
	if _, free, known := g.cluster.DiskFree(ctx, at, cpo.PGDataPath); known {
		in.FreeBytes = &free
	} else {
		g.unknown("the room on the volume of PostgreSQL is not known")
	}
}
