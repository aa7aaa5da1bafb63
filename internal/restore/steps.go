// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
)

func repoName(number int) string { return cpo.RepoName(number) }

// steps are the commands of a restore in place, in their order.
func steps(f Facts, p restoreplan.Plan, id string) []Step {
	switch {
	case f.CPO:
		return cpoSteps(f, p, id)
	case f.Members > 1:
		return manyInstances(f, p)
	}
	return oneInstance(f, p, id)
}

// membersNote says what more than one instance means for a restore. Empty for one.
func membersNote(f Facts) string {
	switch {
	case f.Members <= 1:
		return ""
	case f.CPO:
		return fmt.Sprintf("the cluster has %d members, and a restore is of one: numberOfInstances must be 1 first", f.Members)
	}
	return fmt.Sprintf("the cluster has %d members, so Patroni or the like starts PostgreSQL and chooses the leader. Commands for one instance would work against it: docs/restore.md#patroni", f.Members)
}

// manyInstances prints nothing that scales, stops or promotes: what manages the members
// would start the old one again, or make another the leader.
func manyInstances(f Facts, p restoreplan.Plan) []Step {
	all := []Step{
		{"stop the schedules", []string{suspend(f, true)}},
		{"pause Patroni, stop all members, set the directory of one aside, and restore with this into a new one, docs/restore.md#patroni", []string{p.Command()}},
	}
	all = append(all, fallback(p)...)
	return append(all,
		Step{Title: "start its PostgreSQL by hand and look; " + endTitle(p) + "; to undo it instead, put the old directory back", Commands: []string{p.EndStatement()}},
		Step{"remove the state of the old cluster, start Patroni on this member, and let it make the others again; then make a full backup and start the schedules", []string{
			fullBackup(f, p), suspend(f, false),
		}},
	)
}

func suspend(f Facts, suspended bool) string {
	return fmt.Sprintf(`kubectl -n %s patch stanza %s --type=merge -p '{"spec":{"suspend":%t}}'`, f.Namespace, f.Cluster, suspended)
}

func fullBackup(f Facts, p restoreplan.Plan) string {
	return fmt.Sprintf("kubectl stanzaflow backup %s -n %s --repo %d --type full", f.Cluster, f.Namespace, p.SetRepo)
}

// fallback is what to do if PostgreSQL finds no commit after the target.
func fallback(p restoreplan.Plan) []Step {
	if p.Answer != restoreplan.NotProven || p.Type != restoreplan.TypeTime {
		return nil
	}
	return []Step{{"if PostgreSQL ends with \"recovery ended before configured recovery target was reached\", nothing was committed between its last commit and the target. The end of the archive is the same state: empty the directory and restore with this instead", []string{
		p.Fallback().Command(),
	}}}
}

// oneInstance is for a StatefulSet with one instance. PostgreSQL gets SIGTERM when it is
// scaled down, which waits for clients; pg_ctl then makes it a fast shutdown, so that its
// last segment is archived before it ends.
func oneInstance(f Facts, p restoreplan.Plan, id string) []Step {
	kubectl := "kubectl -n " + f.Namespace
	pod, restorePod := cmp.Or(f.Pod, f.Cluster+"-0"), f.Cluster+"-restore"
	statefulSet := pod[:max(strings.LastIndex(pod, "-"), 0)]
	data := cpo.PGDataPath
	psql := fmt.Sprintf("%s exec %s -c postgres -- psql -h %s -U postgres -c ", kubectl, pod, cpo.PGSocketPath)
	all := []Step{
		{"stop the schedules", []string{suspend(f, true)}},
		{"stop PostgreSQL with -m fast, so that it archives its last WAL", []string{
			fmt.Sprintf("%s scale statefulset %s --replicas=0", kubectl, statefulSet),
			fmt.Sprintf("%s exec %s -c postgres -- pg_ctl -D %s stop -m fast", kubectl, pod, data),
		}},
		{"start the pod " + restorePod + " with the volume, docs/restore.md#the-pod, set the old directory aside, and restore", []string{
			fmt.Sprintf("%s exec %s -- mv %s %s.before-%s", kubectl, restorePod, data, data, id),
			fmt.Sprintf("%s exec %s -- mkdir -m 700 %s", kubectl, restorePod, data),
			fmt.Sprintf("%s exec %s -- %s", kubectl, restorePod, p.Command()),
		}},
		{"start PostgreSQL: it recovers, and is read-only until you end that", []string{
			fmt.Sprintf("%s delete pod %s", kubectl, restorePod),
			fmt.Sprintf("%s scale statefulset %s --replicas=1", kubectl, statefulSet),
			psql + fmt.Sprintf("%q", p.LookStatement()),
		}},
	}
	all = append(all, fallback(p)...)
	return append(all,
		Step{endTitle(p) + "; to undo it instead, docs/restore.md#undo", []string{psql + fmt.Sprintf("%q", p.EndStatement())}},
		Step{"make a full backup, start the schedules, and remove the old directory when you need it no longer", []string{
			fullBackup(f, p),
			suspend(f, false),
			fmt.Sprintf("%s exec %s -c postgres -- rm -rf %s.before-%s", kubectl, pod, data, id),
		}},
	)
}

func endTitle(p restoreplan.Plan) string {
	if p.Type != restoreplan.TypeStandby {
		return "when it is paused and the data are right, open the database"
	}
	enough := "stands still"
	if p.ExpectLSN != 0 {
		enough = "is at least " + p.ExpectLSN.String() + " and stands still"
	}
	return "when its position " + enough + ", and the log says \"unable to find\" rather than an error, open the database"
}

// cpoSteps is what to write into the postgresql: CPO restores by itself, over the only
// copy, and opens the database at once.
func cpoSteps(f Facts, p restoreplan.Plan, id string) []Step {
	yaml, why := p.CPO(id)
	if why != "" {
		return []Step{{Title: "CPO cannot do this restore: " + why}}
	}
	return []Step{
		{Title: "take a snapshot or a clone of the volume pgdata-" + f.Cluster + "-0: CPO restores over the only copy, and opens the database without a look"},
		{Title: "set numberOfInstances to 1, and back afterwards: replicas fail with [031]"},
		{Title: "commit this to the postgresql where GitOps takes it from; an older id that comes back later restores again", Commands: []string{yaml}},
	}
}
