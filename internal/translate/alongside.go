// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// This file finds what CPO makes of a resource and does not work, where CPO writes
// the configuration. CPO reports none of it. docs/cpo.md lists it for users.

// warnOfCPO finds all of it. It refuses no schedule: whether a backup works is for
// the runs to show.
func warnOfCPO(in Input, repos []storage.Repo) problem.List {
	p := in.Cluster.PgBackRest
	return slices.Concat(
		warnOfVolumes(repos),
		warnOfPaths(p, repos),
		warnOfStanzas(in, repos),
		warnOfEmptySchedules(p, in.EmptySchedule),
		warnOfCronJobNames(in.Cluster),
		warnOfRestore(p),
	)
}

// warnOfVolumes finds repos on volumes that CPO's repo host cannot serve.
func warnOfVolumes(repos []storage.Repo) problem.List {
	var problems problem.List
	onVolumes := storage.OnRepoHost(repos)
	report := problems.Warn
	if len(onVolumes) == len(repos) {
		report = problems.Add // no backup at all can work
	}
	for i, r := range onVolumes {
		// CPO mounts the volume of the name at the position in the list.
		if r.Number != r.Index+1 {
			report(r.Path+".name", vocab.ReasonBrokenByCPO,
				"must be repo%d at this position of the list: CPO numbers repos with storage pvc by their position and volumes by their name, so that it cannot make the repo host; rename or move it", r.Index+1)
		}
		if i > 0 {
			report(r.Path+".storage", vocab.ReasonBrokenByCPO,
				"must not be pvc, because repos[%d] is: CPO writes the lines tls-server-* once for each, so that no pgBackRest server starts in the pods of PostgreSQL ([031]) and no backup to a volume can be made; keep one repo with storage pvc",
				onVolumes[0].Index)
		}
	}
	return problems
}

// warnOfPaths finds options of global that move a repo away from its volume: CPO
// writes global into the section [db] of the repo host, behind its own path.
func warnOfPaths(p *cpo.PgBackRest, repos []storage.Repo) problem.List {
	var problems problem.List
	for _, key := range slices.Sorted(maps.Keys(p.Global)) {
		name, err := option.Parse(key)
		if err != nil || name.Option.Name != "repo-path" {
			continue
		}
		for _, r := range storage.OnRepoHost(repos) {
			if volume := fmt.Sprintf("%s/%s", cpo.RepoDir, r.Name); r.Number == name.Number && strings.TrimSuffix(p.Global[key], "/") != volume {
				problems.Warn(fieldGlobal+"."+key, vocab.ReasonBrokenByCPO,
					"leads away from the volume of %s: with it CPO's repo host writes backups into its container, and loses them when its pod is replaced; remove it", r.Name)
			}
		}
	}
	return problems
}

// warnOfStanzas finds repos in a cloud beside one on a volume that no run has proven
// a backup in. With a repo host CPO never makes their stanza.
func warnOfStanzas(in Input, repos []storage.Repo) problem.List {
	var problems problem.List
	if len(storage.OnRepoHost(repos)) == 0 {
		return problems
	}
	for _, r := range repos {
		proven := slices.ContainsFunc(in.Known, func(known stanzaflowv1alpha1.RepoStatus) bool {
			return known.Name == r.Name && known.LastBackup != nil
		})
		if r.OnRepoHost() || proven {
			continue
		}
		problems.Warn(r.Path, vocab.ReasonBrokenByCPO,
			"gets no stanza from CPO, because another repo has storage pvc: until the first run of Stanzaflow in %s makes it, PostgreSQL can archive no WAL there and keeps it all; start a run of type full by hand", r.Name)
	}
	return problems
}

// warnOfEmptySchedules finds expressions that are empty.
func warnOfEmptySchedules(p *cpo.PgBackRest, meaning string) problem.List {
	var problems problem.List
	meaning = cmp.Or(meaning, "by default 00:30 every day")
	for i, r := range p.Repos {
		for _, backupType := range cpo.BackupTypes {
			if expression, present := r.Schedule[backupType]; present && expression == "" {
				problems.Warn(cpo.RepoField(i)+".schedule."+backupType, vocab.ReasonSurprisingSchedule,
					"is empty, which is no schedule to Stanzaflow and logical_backup_schedule to CPO, %s: CPO's CronJob makes these backups, and nothing proves them; write an expression, or remove the field", meaning)
			}
		}
	}
	return problems
}

// warnOfCronJobNames finds a cluster whose name is so long that CPO gives several
// of its CronJobs one name.
func warnOfCronJobNames(cluster cpo.Postgresql) problem.List {
	var problems problem.List
	// At each synchronization CPO deletes the CronJobs of all backups that have no
	// schedule, by their names.
	backups := map[string]int{}
	asked := map[string]bool{}
	for number := range cpo.MaxRepo {
		for _, backupType := range cpo.BackupTypes {
			repo := cpo.RepoName(number + 1)
			name := cpo.CronJobName(cluster.Name, repo, backupType)
			backups[name]++
			asked[name] = asked[name] || cluster.PgBackRest.Asks(repo, backupType)
		}
	}
	for name, count := range backups {
		if count > 1 && asked[name] {
			problems.Warn("metadata.name", vocab.ReasonBrokenByCPO,
				"is so long that CPO gives the CronJobs of several backups one name, and deletes them at every synchronization: only Stanzaflow makes these backups, and without it nobody does")
			break
		}
	}
	return problems
}

// warnOfRestore finds what CPO does with a restore, and its user may not expect.
func warnOfRestore(p *cpo.PgBackRest) problem.List {
	var problems problem.List
	if p.Restore.ID != "" && p.Restore.Repo == "" {
		problems.Warn(cpo.Section+".restore.repo", vocab.ReasonBrokenByCPO, "is missing: CPO's operator stops with a panic at a restore without it; name the repo to restore from, such as repo1")
	}
	if p.Protected {
		problems.Warn(cpo.Section+".configuration.protection.restore", vocab.ReasonIneffectiveOption, "has no effect: CPO does not read it, and restores whenever restore.id changes")
	}
	return problems
}
