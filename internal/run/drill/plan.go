// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	config "github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// Plan is what a drill restores and what it has to find. Step plan makes it before anything
// is restored, and step restore uses nothing else.
type Plan struct {
	// Report as step plan leaves it. Its Drill says what to restore and what to expect.
	Report report.Report `json:"report"`
	// Drill has the checks, with the defaults filled in.
	Drill stanzaflowv1alpha1.Drill `json:"drill"`
	// Config is that of the cluster, without its list of drills.
	Config config.Config `json:"config"`
	// Timeline is the value of target-timeline: the number of the timeline, or current for
	// one whose history is in no repo.
	Timeline string `json:"timeline"`
	// BackupEnd is when the backup ended.
	BackupEnd time.Time `json:"backupEnd"`
	// SystemID is that of the database in the repo. Empty if it is not known.
	SystemID string `json:"systemId,omitempty"`
	// Primary has the settings of the primary. Zero if it could not be asked.
	Primary Settings `json:"primary"`
	// Made is when the plan was made, Deadline when the drill must be over.
	Made     time.Time `json:"made"`
	Deadline time.Time `json:"deadline"`
}

// Settings of the primary that the restored database needs. Those in the backup may be
// older.
type Settings struct {
	// Libraries is shared_preload_libraries.
	Libraries string `json:"libraries,omitempty"`
	// PreparedTransactions is max_prepared_transactions, Locks is
	// max_locks_per_transaction.
	PreparedTransactions int `json:"preparedTransactions,omitempty"`
	Locks                int `json:"locks,omitempty"`
}

// Encode gives compact JSON that passes through Argo and Kubernetes unchanged: it has no
// beginning of a template tag, and no dollar sign, which Kubernetes expands in arguments.
func (p Plan) Encode() ([]byte, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the plan: %w", err)
	}
	return bytes.ReplaceAll(report.EscapeTags(text), []byte("$"), []byte(`\u0024`)), nil
}

// Decode reads what Encode wrote. It refuses what this release does not know, and a plan
// that does not say what to restore, or what to expect of it.
func Decode(text string) (Plan, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	var p Plan
	if err := decoder.Decode(&p); err != nil {
		return Plan{}, fmt.Errorf("cannot decode the plan: %w", err)
	}
	d := p.Report.Drill
	switch {
	case d == nil || d.Backup == "" || p.Report.Repo == "":
		return Plan{}, errors.New("the plan has no backup to restore")
	case p.Config.DataPath == "":
		return Plan{}, errors.New("the plan has no data path")
	case d.Target != string(stanzaflowv1alpha1.TargetImmediate) && p.Timeline == "":
		return Plan{}, errors.New("the plan has no timeline")
	case d.Target == string(stanzaflowv1alpha1.TargetNewest) && d.ExpectLSN == "":
		return Plan{}, errors.New("the plan does not say what recovery has to reach")
	case d.Target != string(stanzaflowv1alpha1.TargetNewest) && d.Target != string(stanzaflowv1alpha1.TargetImmediate) && d.Moment == nil:
		return Plan{}, errors.New("the plan has no moment to restore to")
	}
	return p, nil
}
