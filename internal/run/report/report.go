// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// MaxMessage bounds every message, in bytes: reports are stored in the Workflow, and
// messages in a status.
const MaxMessage = 512

// Report of one run.
type Report struct {
	// Kind of the run. A report without it is of a backup.
	Kind vocab.RunKind `json:"kind,omitempty"`
	// Result of the run. It starts as Unknown; only the last step of its kind sets
	// Succeeded.
	Result stanzaflowv1alpha1.RunResult `json:"result"`
	// Step that the run is in or ended in: begin, precheck, backup, expire, verify,
	// restore-point.
	Step string `json:"step"`
	// Message says what failed and what to do, in one line. Empty on success.
	Message string `json:"message,omitempty"`
	// Code is pgBackRest's exit code when a pgBackRest command failed.
	Code int `json:"code,omitempty"`

	// Run is the UID of the Workflow. A backup carries it as annotation.
	Run     string `json:"run"`
	Cluster string `json:"cluster"`
	Repo    string `json:"repo"`
	Type    string `json:"type"`
	Trigger string `json:"trigger,omitempty"`

	// Backup is what a backup has proven. Nil unless Result is Succeeded.
	Backup *Backup `json:"backup,omitempty"`
	// Predeploy is what a pre-deploy run has proven. Nil unless Result is Succeeded.
	Predeploy *Predeploy `json:"predeploy,omitempty"`
	// Stanza is what a run of the kind stanza has done. Nil unless Result is Succeeded.
	Stanza *Stanza `json:"stanza,omitempty"`
	// Drill is what a drill has done, as far as it got, also if it failed: nil only if no
	// plan was made. Its proof is Result.
	Drill *Drill `json:"drill,omitempty"`
	// Heartbeat is the newest commit that the run has written and archived. Nil if the run
	// did not get that far.
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
	// Retention is the outcome of the expire step, nil if the run did not get that
	// far.
	Retention *Retention `json:"retention,omitempty"`
	// CertificateEnd is when the certificate of CPO's repo host expires, nil without
	// one, and if it could not be read.
	CertificateEnd *time.Time `json:"certificateEnd,omitempty"`
	// Steps that ended, in their order.
	Steps []Step `json:"steps,omitempty"`
}

// Backup is a proven backup. Sizes are bytes.
type Backup struct {
	Label          string    `json:"label"`
	Type           string    `json:"type"`
	Start          time.Time `json:"start"`
	Stop           time.Time `json:"stop"`
	DatabaseBytes  int64     `json:"databaseBytes"`
	RepoDeltaBytes int64     `json:"repoDeltaBytes"`
	LSNStart       string    `json:"lsnStart"`
	LSNStop        string    `json:"lsnStop"`
	WALStart       string    `json:"walStart"`
	WALStop        string    `json:"walStop"`
	WALSegments    int       `json:"walSegments"`
	References     int       `json:"references"`
	PgBackRest     string    `json:"pgbackrest"`
	OldestInRepo   time.Time `json:"oldestInRepo"`
	BackupsInRepo  int       `json:"backupsInRepo"`
	FullsInRepo    int       `json:"fullsInRepo"`
	// Storage, Location and Cipher of the repo, as in the status of the Stanza.
	// Cipher is what pgbackrest info says.
	Storage  string `json:"storage"`
	Location string `json:"location"`
	Cipher   string `json:"cipher"`
	// Verified says how verify has checked the files, as in the status of the Stanza.
	Verified stanzaflowv1alpha1.BackupVerification `json:"verified"`
}

// Predeploy is a moment to which the database can be restored from every repo. The
// Backup of the same report is the one from which such a restore begins.
type Predeploy struct {
	// Reused: the Backup is one that an earlier run has made and proven.
	Reused bool `json:"reused,omitempty"`
	// RestorePoint is the name that pg_create_restore_point was called with.
	RestorePoint string `json:"restorePoint"`
	// Time, LSN and Timeline of the restore point.
	Time     time.Time `json:"time"`
	LSN      string    `json:"lsn"`
	Timeline int       `json:"timeline"`
	// Restore is the pgbackrest command that restores to it.
	Restore string `json:"restore"`
}

// Stanza is what was done to the stanza.
type Stanza struct {
	// Created and Upgraded report whether stanza-create or stanza-upgrade was run. If
	// neither, every repo had the stanza already.
	Created  bool `json:"created,omitempty"`
	Upgraded bool `json:"upgraded,omitempty"`
}

// Retention is the outcome of expire. A failure neither hides nor fails the backup,
// and the Stanza says RetentionFailed.
type Retention struct {
	Failed  bool   `json:"failed,omitempty"`
	Code    int    `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// Step that ended.
type Step struct {
	Name string `json:"name"`
	// Start of its first attempt.
	Start    time.Time `json:"start"`
	Attempts int       `json:"attempts"`
	Seconds  float64   `json:"seconds"`
	// Requests to the API server, each command in a pod included. 0 if not counted.
	Requests int `json:"requests,omitempty"`
}

// Encode gives compact JSON, without a tag of Argo's templates.
func (r Report) Encode() ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("cannot encode report: %w", err)
	}
	return EscapeTags(b), nil
}

// EscapeTags takes the beginnings of Argo's template tags out of JSON, which stays the
// same JSON: Argo looks for tags in what one pod passes to the next. There are none
// outside of strings.
func EscapeTags(b []byte) []byte {
	return bytes.ReplaceAll(b, []byte("{{"), []byte(`\u007b\u007b`))
}

// missing says, by the kind of a run, what a report that says Succeeded lacks. Empty
// means nothing.
var missing = map[vocab.RunKind]func(Report) string{
	vocab.RunBackup: lacksBackup,
	vocab.RunPredeploy: func(r Report) string {
		if r.Predeploy == nil || r.Predeploy.RestorePoint == "" {
			return "a restore point"
		}
		return lacksBackup(r)
	},
	vocab.RunStanza: func(r Report) string {
		if r.Stanza == nil {
			return "a word about the stanza"
		}
		return ""
	},
	vocab.RunDrill: lacksDrill,
}

func lacksBackup(r Report) string {
	if r.Backup == nil || r.Backup.Label == "" {
		return "a backup"
	}
	return ""
}

// Decode reads what Encode wrote. It refuses a report without a result, one of an
// unknown kind, and one that says Succeeded and lacks what its kind proves: nothing may
// read as success, or as anything, by a default.
func Decode(text string) (Report, error) {
	if strings.TrimSpace(text) == "" {
		return Report{}, errors.New("the run left no report")
	}
	var r Report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Report{}, fmt.Errorf("cannot decode report: %w", err)
	}
	r.Kind = cmp.Or(r.Kind, vocab.RunBackup)
	proves, known := missing[r.Kind]
	if !known {
		return Report{}, fmt.Errorf("report is of a run of the kind %q, which this release does not know", r.Kind)
	}
	switch r.Result {
	case stanzaflowv1alpha1.RunSucceeded:
		if what := proves(r); what != "" {
			return Report{}, errors.New("report says Succeeded without " + what)
		}
	case stanzaflowv1alpha1.RunFailed, stanzaflowv1alpha1.RunHeld, stanzaflowv1alpha1.RunUnknown:
	case stanzaflowv1alpha1.RunRunning:
		fallthrough
	default:
		return Report{}, fmt.Errorf("report has the result %q, which no run has when it ends", r.Result)
	}
	return r, nil
}

// OneLine makes one line of text for a message: valid UTF-8, at most MaxMessage bytes.
func OneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) <= MaxMessage {
		return text
	}
	cut := MaxMessage - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
