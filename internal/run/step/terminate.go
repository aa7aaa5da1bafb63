// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// endBackup ends the backup of this run, wherever it is running, and nothing else:
// neither what archives WAL nor another backup has its annotation.
func (s *step) endBackup(ctx context.Context) ending {
	ctx, cancel := s.clock.Within(ctx, endTime, attempt.ErrNoAnswer)
	defer cancel()
	at, err := s.terminate(ctx)
	if err != nil {
		return s.notEnded(err)
	}
	info, err := s.readListing(ctx, at)
	repo, _ := cpo.RepoNumber(s.Backup.Repo)
	found := info.ByAnnotation(repo, vocab.BackupAnnotation, s.Run)
	switch {
	case len(found) > 0:
		return ending{vocab.EventBackupNotVerified, fmt.Sprintf("its backup %s is complete and listed in %s, but not verified", found[0].Label, s.Backup.Repo)}
	case at != remote.Place{}:
		free := ""
		if err == nil && !info.Running {
			free = ", the lock is free"
		}
		return ending{vocab.EventBackupEnded, fmt.Sprintf("its backup in %s was ended%s; the next one resumes or removes what it left", at, free)}
	case err != nil:
		return ending{vocab.EventNoBackup, fmt.Sprintf("this run had no backup running, and it is not known whether one is listed: %v", err)}
	}
	return ending{vocab.EventNoBackup, "this run had no backup running, and none is listed in " + s.Backup.Repo}
}

// notEnded says how a person can end the backup. Without pkill nothing that a run may
// execute ends this backup and no other: a session in PostgreSQL does not say whose
// backup it is, and pgbackrest stop would stop archiving too.
func (s *step) notEnded(why error) ending {
	place, command := "", fmt.Sprintf("pkill --signal TERM --full %s=%s", vocab.BackupAnnotation, s.Run)
	if errors.Is(why, remote.ErrNoPkill) {
		// The brackets keep pgrep from finding this shell.
		place, command = ", it cannot be ended from here", fmt.Sprintf("bash -c 'kill $(pgrep --full [%c]%s=%s)'", vocab.BackupAnnotation[0], vocab.BackupAnnotation[1:], s.Run)
	}
	return ending{vocab.EventBackupNotEnded, fmt.Sprintf("its backup may still be running, %v%s; the next run waits for it; to end it, run %s in the container", why, place, command)}
}

// terminate sends SIGTERM, to the backup and then to the workers that it leaves,
// until two looks in a row find neither: an exec that was under way when the step
// was stopped may still begin. It returns where it found something, or why something
// may be left.
func (s *step) terminate(ctx context.Context) (at remote.Place, err error) {
	for quiet := 0; quiet < 2; quiet++ {
		found, ours, trouble := s.terminateEach(ctx)
		if ours {
			at = found
		}
		if err = trouble; err == nil && found != (remote.Place{}) {
			err = fmt.Errorf("it does not end in %s", found)
		}
		if err != nil {
			quiet = -1
		}
		if s.clock.Sleep(ctx, time.Second) != nil {
			break
		}
	}
	return at, err
}

// members returns the containers in which the backup of this run can be: those of the
// kind in which it is made. To a repo host a repo in a bucket may be a directory of its
// container, so nothing about that one is asked there.
func (s *step) members(ctx context.Context) ([]remote.Member, error) {
	members, err := s.cluster.Members(ctx)
	found, unknown := s.Workspace.precheck()
	if err != nil || unknown != nil {
		return members, err
	}
	return slices.DeleteFunc(members, func(m remote.Member) bool { return m.Container != found.Host.Name }), nil
}

// terminateEach sends SIGTERM in every container in which the backup can be. It
// returns where it found something, and whether that was the backup itself.
func (s *step) terminateEach(ctx context.Context) (at remote.Place, ours bool, err error) {
	members, err := s.members(ctx)
	if err != nil {
		return remote.Place{}, false, err
	}
	argv, err := pgbackrest.TerminateCommand(vocab.BackupAnnotation, s.Run)
	if err != nil {
		return remote.Place{}, false, err
	}
	for _, m := range members {
		found, trouble := s.cluster.Signal(ctx, m.Place, argv)
		workers := false
		if trouble == nil {
			workers, trouble = s.cluster.Signal(ctx, m.Place, pgbackrest.TerminateWorkersCommand())
		}
		if found || workers && !ours {
			at, ours = m.Place, found
		}
		if trouble != nil && !s.probeUnlocked(ctx, m.Place) {
			err = errors.Join(err, trouble)
		}
	}
	return at, ours, err
}

// probeUnlocked reports whether no pgBackRest of a backup is running in a container.
func (s *step) probeUnlocked(ctx context.Context, at remote.Place) bool {
	repo, _ := cpo.RepoNumber(s.Backup.Repo)
	info, _, err := s.cluster.Info(ctx, at, repo)
	return err == nil && !info.Running
}

// readListing reads the list of the repo, where the backup was running or from any
// container that can.
func (s *step) readListing(ctx context.Context, at remote.Place) (pgbackrest.Info, error) {
	repo, err := cpo.RepoNumber(s.Backup.Repo)
	if err != nil {
		return pgbackrest.Info{}, fmt.Errorf("there is no %q", s.Backup.Repo)
	}
	places := []remote.Place{at}
	if at == (remote.Place{}) {
		members, err := s.members(ctx)
		if err != nil {
			return pgbackrest.Info{}, err
		}
		places = nil
		for _, m := range members {
			places = append(places, m.Place)
		}
	}
	err = errors.New("no pod of the cluster runs")
	for _, place := range places {
		var info pgbackrest.Info
		if info, _, err = s.cluster.Info(ctx, place, repo); err == nil {
			if err = remote.CheckRepo(place, info, repo); err == nil {
				return info, nil
			}
		}
	}
	return pgbackrest.Info{}, err
}
