// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// progressPeriod is the wait between two looks at how far a backup is. Argo
// publishes the file once a minute.
const progressPeriod = 15 * time.Second

// watchProgress writes how far the backup is that start runs, to the file
// that Argo shows as the progress of the node. It is for people; nothing reads from
// it whether a backup is done. The returned function ends it.
func (s *step) watchProgress(ctx context.Context, at remote.Place, repo int) func() {
	argv, err := pgbackrest.InfoCommand(vocab.PgBackRestStanza, repo)
	if s.ProgressFile == "" || err != nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		for s.clock.Sleep(ctx, progressPeriod) == nil {
			out, err := s.cluster.Capture(ctx, at, argv)
			if err != nil {
				continue
			}
			if info, err := pgbackrest.ParseInfo(out.Stdout.Bytes(), vocab.PgBackRestStanza); err == nil {
				s.showProgress(info)
			}
		}
	})
	return func() { cancel(); group.Wait() }
}

// progressTotal is what a whole backup counts in the progress of its pod. Argo adds up
// the nodes of a run, and the template makes the sum percent.
func (s *step) progressTotal() uint64 {
	_, text, _ := strings.Cut(s.Progress, "/")
	if total, err := strconv.ParseUint(text, 10, 32); err == nil && total > 0 {
		return total
	}
	return 100
}

func (s *step) showProgress(info pgbackrest.Info) {
	if s.ProgressFile == "" || info.RunningBytes == 0 {
		return
	}
	total := s.progressTotal()
	text := fmt.Sprintf("%d/%d", min(total-1, info.RunningDone*total/info.RunningBytes), total)
	if err := os.WriteFile(s.ProgressFile, []byte(text), 0o600); err != nil {
		s.logf("cannot write the progress: %v", err)
	}
}
