// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// terminationGracePeriodSeconds of the template is how long after SIGTERM the pod
// is killed, 60 s. All this takes 3 s where nobody is slow, and 50 s at most.
const (
	askTime  = 15 * time.Second
	endTime  = 30 * time.Second
	tellTime = 5 * time.Second
)

// Reasons of the event that a run leaves at its Workflow when it is over before
// its time.
const (
	reasonEnded       = "BackupEnded"
	reasonNotEnded    = "BackupNotEnded"
	reasonNotVerified = "BackupNotVerified"
	reasonNoBackup    = "NoBackup"
)

// ending is what became of the backup of such a run.
type ending struct{ reason, text string }

// stopped concludes a step that got SIGTERM, which a drained node and argo stop
// send alike. In the first case another pod goes on; in the second there is no
// other, so the backup is ended here.
func (s *step) stopped(ctx context.Context, name string, f *Failure) int {
	by, err := s.cancelled(ctx)
	switch {
	case by != "":
		return s.end(ctx, name, cancelledText(name, by), "", f.Code)
	case err != nil:
		f.Message += fmt.Sprintf("; whether the run was cancelled is not known: %v", err)
	}
	return s.fail(name, &Failure{Message: "the step was stopped before it ended: " + f.Message, Code: f.Code, Stopped: true})
}

func cancelledText(name, by string) string {
	return fmt.Sprintf("the run was ended in step %s: %s", name, by)
}

// cancelled asks who ended the run. The API server may be slow, or the reason
// why the pod has to go.
func (s *step) cancelled(ctx context.Context) (string, error) {
	ctx, cancel := s.within(context.WithoutCancel(ctx), askTime, errNoAnswer)
	defer cancel()
	for {
		by, err := s.askCancelled(ctx)
		if err == nil {
			return by, nil
		}
		if s.sleep(ctx, time.Second) != nil {
			return "", err
		}
	}
}

func (s *step) askCancelled(ctx context.Context) (string, error) {
	ctx, cancel := s.within(ctx, askTime/3, errNoAnswer)
	defer cancel()
	return s.Finder.Cancelled(ctx, s.Namespace, s.Workflow, s.Run)
}

// end concludes a run that is over before its time, for good. Argo publishes
// nothing of one that was cancelled, so there is an event too.
func (s *step) end(ctx context.Context, name, why, advice string, code int) int {
	s.logf("%s; looking for its backup", why)
	ctx = context.WithoutCancel(ctx)
	became := s.endBackup(ctx)
	exit := s.leave(name, ExitStop, stanzaflowv1alpha1.RunFailed, why+": "+became.text+advice, code)
	ctx, cancel := s.within(ctx, tellTime, errNoAnswer)
	defer cancel()
	if err := s.Finder.Tell(ctx, s.Namespace, s.Workflow, s.Run, became.reason, s.report.Message); err != nil {
		s.logf("cannot leave an event at the Workflow: %v", err)
	}
	return exit
}

// endBackup ends the backup of this run, wherever it is at work, and nothing
// else: what archives WAL has not its annotation, and no other backup has.
func (s *step) endBackup(ctx context.Context) ending {
	ctx, cancel := s.within(ctx, endTime, errNoAnswer)
	defer cancel()
	at, err := s.terminate(ctx)
	if err != nil {
		return ending{reasonNotEnded, fmt.Sprintf("its backup may go on, %v; the next run waits for it; to end it, run pkill --signal TERM --full %s=%s in the container",
			err, vocab.BackupAnnotation, s.Run)}
	}
	info, err := s.listing(ctx, at)
	repo, _ := translate.RepoNumber(s.Repo)
	found := info.ByAnnotation(repo, vocab.BackupAnnotation, s.Run)
	switch {
	case len(found) > 0:
		return ending{reasonNotVerified, fmt.Sprintf("its backup %s is complete and listed in %s, but not verified", found[0].Label, s.Repo)}
	case at != remote.Place{}:
		free := ""
		if err == nil && !info.Running {
			free = ", the lock is free"
		}
		return ending{reasonEnded, fmt.Sprintf("its backup in %s was ended%s; the next one resumes or removes what it left", at, free)}
	case err != nil:
		return ending{reasonNoBackup, fmt.Sprintf("no backup of this run was at work, and it is not known whether one is listed: %v", err)}
	}
	return ending{reasonNoBackup, "no backup of this run was at work, and none is listed in " + s.Repo}
}

// terminate sends SIGTERM, to the backup and then to the workers that it leaves,
// until two looks in a row find neither: an exec that was under way when the step
// was stopped may still begin. It returns where there was something, or why
// something may be left.
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
		if s.sleep(ctx, time.Second) != nil {
			break
		}
	}
	return at, err
}

// terminateEach sends SIGTERM in every container of the cluster. It returns where
// there was something, and whether that was the backup itself.
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
		found, trouble := s.pkill(ctx, m.Place, argv)
		workers := false
		if trouble == nil {
			workers, trouble = s.pkill(ctx, m.Place, pgbackrest.TerminateWorkersCommand())
		}
		if found || workers && !ours {
			at, ours = m.Place, found
		}
		if trouble != nil && !s.unlocked(ctx, m.Place) {
			err = errors.Join(err, trouble)
		}
	}
	return at, ours, err
}

// pkill reports whether there was something to send a signal to.
func (s *step) pkill(ctx context.Context, at remote.Place, argv []string) (bool, error) {
	out, err := s.capture(ctx, at, argv)
	code, ended := remote.ExitCode(err)
	switch {
	case ended && code == 0:
		return true, nil
	case ended && code == 1:
		return false, nil
	case missing(code, err):
		return false, fmt.Errorf("there is no pkill in %s", at)
	}
	return false, fmt.Errorf("pkill failed in %s: %s", at, cmp.Or(out.complaint(), err.Error()))
}

// unlocked says that no pgBackRest of a backup is at work in a container.
func (s *step) unlocked(ctx context.Context, at remote.Place) bool {
	repo, _ := translate.RepoNumber(s.Repo)
	info, _, err := s.readInfo(ctx, at, repo)
	return err == nil && !info.Running
}

// missing says that a program is not in the image. Whether that is an exit code
// or an error is up to the container runtime.
func missing(code int, err error) bool {
	return code == 126 || code == 127 || strings.Contains(err.Error(), "executable file not found")
}

// listing reads the list of the repo, where the backup was at work or from any
// container that can.
func (s *step) listing(ctx context.Context, at remote.Place) (pgbackrest.Info, error) {
	repo, ok := translate.RepoNumber(s.Repo)
	if !ok {
		return pgbackrest.Info{}, fmt.Errorf("there is no %q", s.Repo)
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
	err := errors.New("no pod of the cluster runs")
	for _, place := range places {
		var info pgbackrest.Info
		if info, _, err = s.readInfo(ctx, place, repo); err == nil {
			if err = repoReadable(place, info, repo); err == nil {
				return info, nil
			}
		}
	}
	return pgbackrest.Info{}, err
}
