// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// Class says what to do after a drill that has not passed.
type Class string

const (
	// ClassPerson means that a person must act.
	ClassPerson Class = "Person"
	// ClassAgain means that the drill is planned and made once more.
	ClassAgain Class = "Again"
	// ClassBug means that a drill must never fail like that.
	ClassBug Class = "Bug"
	// ClassLost means that a process was killed, and nobody knows what it would have found.
	ClassLost Class = "Lost"
)

// Phase of a drill.
type Phase string

const (
	// PhaseStart looks at the image: is there a pgBackRest.
	PhaseStart Phase = "start"
	// PhaseRestore is pgbackrest restore.
	PhaseRestore Phase = "restore"
	// PhaseBinaries looks for the PostgreSQL of PG_VERSION.
	PhaseBinaries Phase = "binaries"
	// PhaseReplay is PostgreSQL from its start until it has ended recovery. Its exit code
	// is that of a server that ended before that.
	PhaseReplay Phase = "replay"
	// PhaseReached compares what recovery has reached with what it must: the server is
	// there, and not far enough.
	PhaseReached Phase = "reached"
	// PhaseCheck is one of the other checks.
	PhaseCheck Phase = "check"
)

// End is how a phase ended that did not do what it must.
type End struct {
	Phase Phase
	// Code is the exit code of the process, signalled if it was killed.
	Code int
	// Log is the whole log of the process.
	Log string
	// Expired reports whether pgbackrest info does not list the backup any more.
	Expired bool
	// Reached says how far recovery came, for PhaseReached.
	Reached Reached
	// Version of PostgreSQL that the image lacks, for PhaseBinaries.
	Version string
	// Detail is what a check found.
	Detail string
}

// Diagnosis explains an End.
type Diagnosis struct {
	Class Class
	// Message says what failed, on which object, and what to do.
	Message string
	// Code is pgBackRest's exit code, 0 if none decided.
	Code int
	// DataMissing: recovery has ended, and has not found what must be in the archive.
	DataMissing bool
}

// Diagnose explains how a phase of a drill ended. It searches the whole log.
func Diagnose(p Plan, e End) Diagnosis {
	switch e.Phase {
	case PhaseStart:
		return person("the image has no pgBackRest that starts: %s; set restorePod.image to one with PostgreSQL and pgBackRest", firstLine(e.Log))
	case PhaseBinaries:
		return person("the image has no PostgreSQL %s, the version of the backup: set restorePod.image, or restorePod.binDir if it is in another folder", e.Version)
	case PhaseRestore:
		return diagnoseRestore(p, e)
	case PhaseReplay:
		return diagnoseReplay(p, e)
	case PhaseReached:
		return diagnoseReached(p, e)
	case PhaseCheck:
	}
	return person("%s", e.Detail)
}

func person(format string, args ...any) Diagnosis {
	return Diagnosis{Class: ClassPerson, Message: fmt.Sprintf(format, args...)}
}

func again(format string, args ...any) Diagnosis {
	return Diagnosis{Class: ClassAgain, Message: fmt.Sprintf(format, args...)}
}

func bug(format string, args ...any) Diagnosis {
	return Diagnosis{Class: ClassBug, Message: fmt.Sprintf(format, args...) + "; this is a defect of Stanzaflow: keep the log and report it"}
}

// diagnoseRestore goes by pgBackRest's exit code.
func diagnoseRestore(p Plan, e End) Diagnosis {
	backup, repo := p.Report.Drill.Backup, p.Report.Repo
	f := failure.Diagnose(e.Code, e.Log)
	cause := f.Cause
	if cause != "" {
		cause = ": " + cause
	}
	var d Diagnosis
	switch {
	case e.Code == signalled || e.Code > 128:
		d = Diagnosis{Class: ClassLost, Message: "pgbackrest restore was killed: see whether the container had enough memory (restorePod.resources)"}
	case e.Code == notStarted:
		d = person("pgbackrest restore does not start: %s; set restorePod.image", firstLine(e.Log))
	case e.Code == 26 || e.Code == 95 || e.Code == 29 && f.Class == failure.Stop || damagedFile.MatchString(e.Log):
		d = person("a file of backup %s in %s is damaged, or the pass phrase is another one%s; run pgbackrest verify, and make a full backup", backup, repo, cause)
	case missesSet(e.Code, e.Log) && e.Expired:
		d = again("backup %s in %s has expired since the drill was planned%s", backup, repo, cause)
	case missesSet(e.Code, e.Log):
		d = person("a file of backup %s is missing in %s%s; run pgbackrest verify, and make a full backup", backup, repo, cause)
	case e.Code == 58:
		d = person("timeline %d is not in the history of backup %s in %s%s; see whether a copy of the database archives into the same repo", p.Report.Drill.Timeline, backup, repo, cause)
	case e.Code == 64:
		d = person("the volume of the drill%s is too small%s; set restorePod.volume.size, the database has %s", volumeText(p), cause, report.FormatBytes(p.Report.Drill.DatabaseBytes))
	case e.Code == 55 || e.Code == 75 || e.Code == 39 || e.Code == 42 || e.Code == 49 || e.Code == 101:
		d = again("%s could not be read: %s", repo, f)
	case e.Code == 46:
		d = person("the pgBackRest of the image does not know the PostgreSQL of backup %s%s; set restorePod.image to one with that PostgreSQL, and with a pgBackRest that knows it", backup, cause)
	case e.Code == 38 || e.Code == 40:
		d = bug("the volume of the drill was not empty%s", cause)
	case f.Class == failure.Stop:
		d = person("pgbackrest restore of backup %s in %s failed: %s", backup, repo, f)
	default:
		d = again("pgbackrest restore of backup %s in %s failed: %s", backup, repo, f)
	}
	if e.Code > 0 && e.Code != notStarted {
		d.Code = e.Code
	}
	return d
}

// missesSet reports whether pgBackRest could ask for a backup, and has not found all of it.
func missesSet(code int, log string) bool {
	return (code == 55 || code == 75) && !storeAway.MatchString(log)
}

func volumeText(p Plan) string {
	if p.Config.VolumeBytes == 0 {
		return ""
	}
	return " of " + report.FormatBytes(p.Config.VolumeBytes)
}

// replayRule explains a server that ended before recovery did.
type replayRule struct {
	pattern *regexp.Regexp
	explain func(p Plan, line string) Diagnosis
}

// replayRules in their order: the cause before its effect.
var replayRules = []replayRule{
	{regexp.MustCompile(`could not access file|could not load library|must be (pre)?loaded|requires .*preload`), func(_ Plan, line string) Diagnosis {
		return person("PostgreSQL does not start: %s; set restorePod.parameters.shared_preload_libraries to the libraries that the image has", line)
	}},
	{regexp.MustCompile(`insufficient parameter settings|maximum number of prepared transactions reached|could not find free replication state|shutdown at recovery target`), func(_ Plan, line string) Diagnosis {
		return bug("PostgreSQL does not replay with the settings of the drill: %s", line)
	}},
	{regexp.MustCompile(`No space left on device`), func(p Plan, line string) Diagnosis {
		return person("the volume of the drill%s is too small to replay WAL: %s; set restorePod.volume.size", volumeText(p), line)
	}},
	{regexp.MustCompile(`could not map anonymous shared memory|[Cc]annot allocate memory|out of memory`), func(_ Plan, line string) Diagnosis {
		return person("PostgreSQL has too little memory: %s; set restorePod.resources", line)
	}},
	{regexp.MustCompile(`(FATAL|PANIC): .*(Input/output error|Too many open files|Read-only file system|Stale file handle|Disk quota exceeded)`), func(_ Plan, line string) Diagnosis {
		return person("the pod of the drill, its volume or its node has failed PostgreSQL, not the backup: %s; see the node and the StorageClass", line)
	}},
}

// damagedFile is an error in an error: pgBackRest could read a file, and its content is not
// what it was. The error around it is that of a file that could not be read.
var damagedFile = regexp.MustCompile(`\[(Crypto|Format|Checksum)Error\]`)

// storeAway is an error in an error, too: pgBackRest says that a set is not valid if it cannot
// ask the store for the list of sets.
var storeAway = regexp.MustCompile(`\[(HostConnect|Protocol|Service|FileRead)Error\]`)

// endedEarly is what PostgreSQL says if the archive ends before a target, or before the end
// of the backup.
var endedEarly = regexp.MustCompile(`recovery ended before configured recovery target was reached|WAL ends before (end of online backup|consistent recovery point)`)

// damagedWAL is what PostgreSQL says of WAL that it cannot use, or that does not fit the
// pages of the backup. At the end of the archive it is no failure, so it decides only if
// recovery came to nothing, or not far enough. A PANIC alone says nothing: an I/O error is
// one, too.
var damagedWAL = regexp.MustCompile(`(PANIC|FATAL|ERROR|LOG|WARNING): .*(incorrect resource manager data checksum|invalid (record length|resource manager ID|magic number|primary checkpoint record|checkpoint record|info bits|contrecord)|unexpected pageaddr|incorrect prev-link|could not locate a valid checkpoint record|could not locate required checkpoint record|WAL file is from different database system|archive file "[0-9A-F]+" has wrong size|there is no contrecord flag|requested timeline [0-9]+ is not a child|recovery target timeline [0-9]+ does not exist|WAL contains references to invalid pages|invalid lp|invalid max offset number|failed to add (tuple|new item))`)

// recovered is what PostgreSQL always says of a recovery, if it says anything of level LOG.
var recovered = regexp.MustCompile(`redo (starts at|done at|is not required)|consistent recovery state reached`)

func diagnoseReplay(p Plan, e End) Diagnosis {
	for _, r := range replayRules {
		if line, found := findLine(e.Log, r.pattern); found {
			return r.explain(p, line)
		}
	}
	if _, found := findLine(e.Log, endedEarly); found {
		return diagnoseReached(p, e)
	}
	if line, found := findFatal(e.Log); found {
		return diagnoseFatal(p, e, line)
	}
	if e.Code == signalled || e.Code > 128 {
		return Diagnosis{Class: ClassLost, Message: "PostgreSQL was killed while it replayed WAL: see whether the container had enough memory (restorePod.resources)"}
	}
	if line := lastLine(e.Log); line != "" {
		return person("PostgreSQL ended with code %d while it replayed WAL, its last words are: %s; read the log of the drill", e.Code, line)
	}
	return person("PostgreSQL ended with code %d while it replayed WAL, and has said nothing: see restorePod.image", e.Code)
}

// diagnoseFatal explains the line with which PostgreSQL ended. Data are missing only if it
// is about WAL that cannot be used.
func diagnoseFatal(p Plan, e End, line string) Diagnosis {
	if d, away := wentAway(p, e.Log); away {
		return d
	}
	if !damagedWAL.MatchString(line) {
		return person("PostgreSQL ended while it replayed WAL: %s; read the log of the drill", line)
	}
	if _, code := archiveError(e.Log); code != 0 {
		return diagnoseReached(p, e)
	}
	d := person("WAL in %s is damaged, and PostgreSQL cannot replay it: %s; make a full backup now, and run pgbackrest verify", p.Report.Repo, line)
	d.DataMissing = true
	return d
}

// findFatal returns the first line with which PostgreSQL ended. Until recovery has ended, a
// client that asks is refused with a FATAL, too.
func findFatal(log string) (string, bool) {
	for line := range strings.Lines(log) {
		if fatal.MatchString(line) && !strings.Contains(line, "the database system is") {
			return shorten(line), true
		}
	}
	return "", false
}

var fatal = regexp.MustCompile(`(FATAL|PANIC): `)

// wentAway explains a recovery that has ended early because the store did not answer, false
// if that is not why.
func wentAway(p Plan, log string) (Diagnosis, bool) {
	_, code := archiveError(log)
	if code == 0 || damagedFile.MatchString(log) {
		return Diagnosis{}, false
	}
	f := failure.Diagnose(code, log)
	if f.Class == failure.Stop {
		return Diagnosis{}, false
	}
	d := again("%s was away while WAL was replayed, so recovery ended early: %s", p.Report.Repo, f)
	d.Code = code
	return d, true
}

// diagnoseReached explains a recovery that has ended before what the archive must have.
func diagnoseReached(p Plan, e End) Diagnosis {
	if d, away := wentAway(p, e.Log); away {
		return d
	}
	if e.Phase == PhaseReached && readsLog(p) && !recovered.MatchString(e.Log) {
		return bug("the log of PostgreSQL has no line of level LOG about recovery, so nobody knows what it has reached")
	}
	repo := p.Report.Repo
	line, code := archiveError(e.Log)
	d := person("%s: WAL from %s on is missing or cannot be read in %s", e.Reached.shortfall(p), e.Reached.nextSegment(p), repo)
	if code != 0 {
		d.Message += " (" + line + ")"
	} else if line, found := findLine(e.Log, damagedWAL); found {
		d.Message += " (" + line + ")"
	}
	d.Message += "; make a full backup now, and run pgbackrest verify"
	d.Code, d.DataMissing = code, true
	return d
}

// readsLog reports whether only the log of PostgreSQL says what recovery has reached.
func readsLog(p Plan) bool {
	d := p.Report.Drill
	return d.Moment != nil || d.Target == string(stanzaflowv1alpha1.TargetImmediate)
}

// archiveErrors are the errors of pgbackrest archive-get in the log of PostgreSQL. One in
// passing does not matter: only a recovery that came too short is explained by it.
var archiveErrors = regexp.MustCompile(`P[0-9]+ +ERROR: \[([0-9]{3})\]`)

// archiveError returns the last error of archive-get, which is the one that ended the
// replay, with its code: 0 without any.
func archiveError(log string) (line string, code int) {
	for _, line := range slices.Backward(strings.Split(log, "\n")) {
		if match := archiveErrors.FindStringSubmatch(line); match != nil {
			_, _ = fmt.Sscanf(match[1], "%d", &code)
			return shorten(line), code
		}
	}
	return "", 0
}

// lastLine returns the last line of a log, empty if there is none.
func lastLine(log string) string {
	log = strings.TrimSpace(log)
	return shorten(log[strings.LastIndexByte(log, '\n')+1:])
}

func findLine(log string, pattern *regexp.Regexp) (string, bool) {
	for line := range strings.Lines(log) {
		if pattern.MatchString(line) {
			return shorten(line), true
		}
	}
	return "", false
}

// stamp is what PostgreSQL and pgBackRest write before a message.
var stamp = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+( [A-Z]{3,4})?( \[[0-9]+\])?\s+`)

// shorten makes part of a message of a line of a log.
func shorten(line string) string {
	const most = 160
	line = stamp.ReplaceAllString(strings.TrimSpace(line), "")
	return failure.Shorten(strings.Join(strings.Fields(line), " "), most)
}

func firstLine(log string) string {
	return failure.FirstLine(strings.TrimSpace(log), 160)
}

// Reached is how far recovery came.
type Reached struct {
	// Time of the newest commit that was replayed, nil if there was none.
	Time *time.Time
	// LSN up to which WAL was replayed, 0 if it is not known.
	LSN wal.LSN
	// SegmentBytes is the size of a WAL segment.
	SegmentBytes wal.Size
}

// shortfall says where recovery ended and what it should have reached.
func (r Reached) shortfall(p Plan) string {
	text := "recovery ended"
	if r.Time != nil {
		text += " at " + r.Time.UTC().Format(time.RFC3339)
	}
	if r.LSN > 0 {
		text += " (" + r.LSN.String() + ")"
	}
	d := p.Report.Drill
	must := d.ExpectTime
	if d.Moment != nil {
		must = d.Moment
	}
	switch {
	case must != nil:
		text += ", the archive must reach " + must.UTC().Format("2006-01-02T15:04:05.999999Z")
	case d.ExpectLSN != "":
		text += ", the archive must reach " + d.ExpectLSN
	}
	return text
}

func (r Reached) nextSegment(p Plan) string {
	if r.LSN == 0 || !r.SegmentBytes.Valid() {
		return "some segment"
	}
	return r.SegmentBytes.Name(r.SegmentBytes.Of(uint32(p.Report.Drill.Timeline), r.LSN)) //nolint:gosec // PostgreSQL has 32 bits for it.
}
