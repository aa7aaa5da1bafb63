// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"fmt"
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// data is the directory of PostgreSQL.
const data = cpo.PGDataPath

func repoName(number int) string { return cpo.RepoName(number) }

// steps are the commands of a restore in place, in their order.
func steps(f Facts, p restoreplan.Plan, id string) []Step {
	switch {
	case f.Provisioner == vocab.ProvisionedByCPO:
		return cpoSteps(f, p, id)
	case f.Provisioner != vocab.ProvisionedByUs:
		return commandAlone(p)
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
	case f.Provisioner == vocab.ProvisionedByCPO:
		return fmt.Sprintf("the cluster has %d members, and a restore is of one: numberOfInstances must be 1 first", f.Members)
	}
	return fmt.Sprintf("the cluster has %d members, so Patroni or the like starts PostgreSQL and chooses the leader. Commands for one instance would work against it: docs/restore.md#patroni", f.Members)
}

// commandAlone is for a cluster of which nobody knows who restores it: CPO would work
// against all other commands.
func commandAlone(p restoreplan.Plan) []Step {
	return append([]Step{{
		"it is not known who provisions this cluster, as its Stanza does not say it. With CPO do not use this, docs/restore.md#cpo; else restore with it into an empty directory, docs/restore.md#one-instance or docs/restore.md#patroni", []string{p.Command()},
	}}, instead(p)...)
}

// instead is what to do if PostgreSQL finds no commit after the target, with the directory
// as it is.
func instead(p restoreplan.Plan) []Step {
	if end, ok := p.Fallback(); ok {
		return []Step{{endIsSame + ": empty the directory and restore with this instead", []string{end.Command()}}}
	}
	if isUnsure(p) {
		return []Step{{Title: endDiffers}}
	}
	return nil
}

// manyInstances prints nothing that scales, stops or promotes: what manages the members
// would start the old one again, or make another the leader.
func manyInstances(f Facts, p restoreplan.Plan) []Step {
	c := commandsOf(f)
	all := []Step{
		{"stop the schedules", []string{c.suspend(true)}},
		{"pause Patroni, stop all members, set the directory of one aside, and restore with this into a new one, docs/restore.md#patroni", []string{p.Command()}},
	}
	all = append(all, instead(p)...)
	return append(all,
		Step{Title: "start its PostgreSQL by hand and look; " + endTitle(p) + "; to undo it instead, put the old directory back", Commands: []string{p.EndStatement()}},
		Step{"remove the state of the old cluster, start Patroni on this member, and let it make the others again; then make a full backup and start the schedules", []string{
			c.backUp(p), c.suspend(false),
		}},
	)
}

// What to do if PostgreSQL finds no commit after the target.
const (
	ended     = "if PostgreSQL ends with \"recovery ended before configured recovery target was reached\", "
	endIsSame = ended + "nothing that is archived was committed between its last commit and the target (after a crash, what was not archived is in the old directory alone, docs/restore.md#after-a-crash). The end of the archive is the same state"
	// endDiffers is for an archive that lacks something, or whose timeline is a guess.
	endDiffers = ended + "do not take the end of the archive instead: commits before the target can be in WAL that is missing, or on another timeline. Put the old directory back, docs/restore.md#undo, and look for them"
)

// isUnsure reports whether a commit after the target is not proven.
func isUnsure(p restoreplan.Plan) bool {
	return p.Answer == restoreplan.NotProven && p.Type == restoreplan.TypeTime
}

// oneInstance is for a StatefulSet with one instance.
func oneInstance(f Facts, p restoreplan.Plan, id string) []Step {
	c := commandsOf(f)
	all := []Step{
		{"stop the schedules", []string{c.suspend(true)}},
		{"stop PostgreSQL with -m fast, so that it archives its last WAL, and wait until its pod is gone", []string{
			c.scale(0),
			fmt.Sprintf(`%s exec %s -c postgres -- pg_ctl -D %s stop -m fast -W || echo "PostgreSQL has ended already"`, c.kubectl, c.pod, data),
			c.awaitGone(),
		}},
		{"start the pod " + c.restorePod + " with the volume, docs/restore.md#the-pod. If pg_controldata says \"shut down\", set the old directory aside, and restore", append(
			c.startRestorePod(),
			c.inRestorePod("pg_controldata -D "+data),
			c.inRestorePod(fmt.Sprintf("mv %s %s.before-%s", data, data, id)),
			c.inRestorePod("mkdir -m 700 "+data),
			c.inRestorePod(p.Command()),
		)},
		{"start PostgreSQL: it recovers, and is read-only until you end that", append(c.startPostgres(), c.psql(p.LookStatement()))},
	}
	if end, ok := p.Fallback(); ok {
		all = append(all, c.fallback(end, id))
	} else if isUnsure(p) {
		all = append(all, Step{Title: endDiffers})
	}
	return append(all,
		Step{endTitle(p) + "; to undo it instead, docs/restore.md#undo", []string{c.psql(p.EndStatement()), c.psql("SELECT pg_is_in_recovery()")}},
		Step{"when it is no longer in recovery, make a full backup, start the schedules, and remove the old directory when you need it no longer", []string{
			c.backUp(p),
			c.suspend(false),
			fmt.Sprintf("%s exec %s -c postgres -- rm -rf %s.before-%s", c.kubectl, c.pod, data, id),
		}},
	)
}

// fallback replays the end of the archive, where nothing follows the target. It empties the
// directory only beside the old one.
func (c commands) fallback(p restoreplan.Plan, id string) Step {
	again := slices.Concat([]string{c.scale(0), c.awaitGone()}, c.startRestorePod(), []string{
		c.inRestorePod(fmt.Sprintf("sh -c 'test -d %s.before-%s && find %s -mindepth 1 -delete'", data, id, data)),
		c.inRestorePod(p.Command()),
	}, c.startPostgres(), []string{c.psql(p.LookStatement()), c.psql(p.EndStatement())})
	return Step{endIsSame + ": restore to that, and open the database with pg_promote when its position stands still", again}
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
	var all []Step
	if p.Answer == restoreplan.NotProven {
		all = append(all, Step{Title: unprovenByCPO(p)})
	}
	commit := "commit this to the postgresql where GitOps takes it from; an older id that comes back later restores again"
	if p.Type != restoreplan.TypeTime && !p.Proven.IsZero() {
		commit += ". It restores to the newest moment that is proven, and what was committed later is lost"
	}
	return append(all,
		Step{Title: "take a snapshot or a clone of the volume pgdata-" + f.Cluster + "-0: CPO restores over the only copy, and opens the database without a look"},
		Step{Title: "set numberOfInstances to 1, and back afterwards: replicas fail with [031]"},
		Step{Title: commit, Commands: []string{yaml}},
	)
}

// unprovenByCPO warns of a restore that can fail when the old directory is gone.
func unprovenByCPO(p restoreplan.Plan) string {
	text := "this target is not proven, and restore.id has no way back: CPO restores over the only copy"
	if isUnsure(p) {
		text += ". If no commit follows the target, PostgreSQL ends with \"recovery ended before configured recovery target was reached\", and the database stays down"
	}
	return text + ". Take a target that is reachable, or try this one in a drill before"
}
