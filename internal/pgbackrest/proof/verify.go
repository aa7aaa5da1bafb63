// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
)

// Verification is what pgbackrest verify found.
type Verification struct {
	// OK is its status. It is also that of backups that nobody asked about: up
	// to 2.54 verify ignores --set and reads the whole repository.
	OK bool
	// Archives by ID, and Backups by label.
	Archives, Backups map[string]Checked
	// Broken are the first files that are not as they should be. WAL that was
	// missing is counted, but not among them.
	Broken []BrokenFile
	// Remarks are lines of the result that say something else, such as that a
	// backup does not exist.
	Remarks []string
}

// Checked is the result for the WAL of an archive or the files of a backup. The
// files of a backup are also those that lie in the backups it refers to.
type Checked struct {
	// Status of a backup, VerifyValid where all is well. An archive has none.
	Status                         string
	Total, Valid                   int
	Missing, Checksum, Size, Other int
}

// States of a backup for pgbackrest verify.
const (
	VerifyValid           = "valid"
	VerifyManifestMissing = "manifest missing"
)

// BrokenFile is a file of the repository. Failure is why it could not be read,
// zero where it could.
type BrokenFile struct {
	Path    string
	Failure failure.Diagnosis
}

const (
	// maxBroken bounds what is kept of a repository that is broken all over.
	maxBroken = 1000
	// maxLine is the longest line that is read, in bytes.
	maxLine = 1 << 20
	// maxRemark is how much of a remark is kept, in bytes.
	maxRemark = 200
)

// The output of verify: a log, then the result, then the end of the log. The log
// repeats the result, indented further.
var (
	verifyLog     = regexp.MustCompile(`^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} )?P\d\d +(?:INFO|DETAIL): (.*)$`)
	verifyBroken  = regexp.MustCompile(`^(?:file missing|invalid checksum|invalid size|invalid result) '(.+)'$`)
	verifyUnread  = regexp.MustCompile(`^invalid result (.+): \[(\d+)\] (.*)$`)
	verifyStatus  = regexp.MustCompile(`^status: (ok|error)$`)
	verifyArchive = regexp.MustCompile(`^  archiveId: ([^,]+), total WAL checked: (\d+), total valid WAL: (\d+)$`)
	verifyBackup  = regexp.MustCompile(`^  backup: ([^,]+), status: ([^,]+), total files checked: (\d+), total valid files: (\d+)$`)
	verifyCounts  = regexp.MustCompile(`^    missing: (\d+), checksum invalid: (\d+), size invalid: (\d+), other: (\d+)$`)
)

// ParseVerify reads the output of VerifyCommand as it comes: of a repository that
// is broken all over it is long. A line of the result that is not understood is
// an error or a remark, and neither proves anything.
func ParseVerify(stdout io.Reader, stanza string) (Verification, error) {
	p := verifyParser{stanza: stanza}
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		p.line(lines.Text())
	}
	err := cmp.Or(p.err, lines.Err())
	switch {
	case err != nil:
	case p.step == verifyNowhere:
		err = errors.New("it has no result")
	case p.step == verifyHead:
		err = errors.New("the result has no status")
	default:
		err = p.complete()
	}
	if err != nil {
		return Verification{}, fmt.Errorf("cannot read the output of pgbackrest verify: %w", err)
	}
	p.Broken = p.broken
	return p.Verification, nil
}

// verifyParser is where in the output it is, and what it has read of the result.
type verifyParser struct {
	Verification
	stanza string
	step   int
	broken []BrokenFile
	// counted is what the next line of counts belongs to.
	counted *verifyResult
	err     error
}

// verifyResult is the line before the counts.
type verifyResult struct {
	into map[string]Checked
	name string
	Checked
}

// Places in the output.
const (
	verifyNowhere = iota
	verifyHead
	verifyBody
	verifyEnd
)

func (p *verifyParser) line(text string) {
	if p.err != nil {
		return // What comes after it is only read to its end.
	}
	if name, ok := strings.CutPrefix(text, "stanza: "); ok {
		// Only the last one is the result: the name of a file may look like one.
		p.Verification = Verification{Archives: map[string]Checked{}, Backups: map[string]Checked{}}
		p.counted, p.step = nil, verifyHead
		if name != p.stanza {
			p.err = fmt.Errorf("it is about stanza %q", name)
		}
		return
	}
	if log := verifyLog.FindStringSubmatch(text); log != nil {
		p.log(log[1])
		if p.step == verifyBody {
			p.step = verifyEnd
		}
		return
	}
	switch p.step {
	case verifyHead:
		status := verifyStatus.FindStringSubmatch(text)
		if status == nil {
			p.err = fmt.Errorf("the result has no status, but %q", text)
			return
		}
		p.OK, p.step = status[1] == "ok", verifyBody
	case verifyBody:
		p.err = p.result(text)
	}
}

// log takes a file that is broken from the log.
func (p *verifyParser) log(text string) {
	if len(p.broken) == maxBroken {
		return
	}
	if m := verifyBroken.FindStringSubmatch(text); m != nil {
		p.broken = append(p.broken, BrokenFile{Path: m[1]})
	}
	if m := verifyUnread.FindStringSubmatch(text); m != nil {
		code, err := strconv.Atoi(m[2])
		if err == nil {
			p.broken = append(p.broken, BrokenFile{Path: m[1], Failure: failure.Diagnose(code, fmt.Sprintf("ERROR: [%03d]: %s", code, m[3]))})
		}
	}
}

func (p *verifyParser) result(text string) error {
	if m := verifyCounts.FindStringSubmatch(text); m != nil && p.counted != nil {
		c := p.counted
		p.counted = nil
		numbers, err := numbers(m[1:])
		if err == nil {
			c.Missing, c.Checksum, c.Size, c.Other = numbers[0], numbers[1], numbers[2], numbers[3]
			c.into[c.name] = c.Checked
		}
		return err
	}
	if err := p.complete(); err != nil {
		return err
	}
	var into map[string]Checked
	var name, status string
	var texts []string
	if m := verifyArchive.FindStringSubmatch(text); m != nil {
		into, name, texts = p.Archives, m[1], m[2:]
	} else if m := verifyBackup.FindStringSubmatch(text); m != nil {
		into, name, status, texts = p.Backups, m[1], m[2], m[3:]
	} else {
		if remark := failure.FirstLine(strings.TrimSpace(text), maxRemark); remark != "" {
			p.Remarks = append(p.Remarks, remark)
		}
		return nil
	}
	numbers, err := numbers(texts)
	if err != nil {
		return err
	}
	if _, ok := into[name]; ok {
		return fmt.Errorf("%s is there twice", name)
	}
	checked := Checked{Status: status, Total: numbers[0], Valid: numbers[1]}
	into[name] = checked
	if checked.Total > 0 {
		p.counted = &verifyResult{into: into, name: name, Checked: checked}
	}
	return nil
}

// complete: what was checked is followed by its counts.
func (p *verifyParser) complete() error {
	if p.counted != nil {
		return fmt.Errorf("%s has no counts", p.counted.name)
	}
	return nil
}

func numbers(texts []string) ([]int, error) {
	var all []int
	for _, text := range texts {
		number, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no count", text)
		}
		all = append(all, number)
	}
	return all, nil
}

// valid is whole for a backup.
func (c Checked) valid() bool { return c.Status == VerifyValid && c.whole() }

// whole: something was read, and all of it is as it should be.
func (c Checked) whole() bool {
	return c.Total > 0 && c.Valid == c.Total && !c.broken() && c.Other == 0
}

func (c Checked) broken() bool { return c.Missing+c.Checksum+c.Size > 0 }

// loss tells what is wrong, as in "of 970 files 1 missing, 2 with a wrong checksum".
func (c Checked) loss(things string) string {
	switch {
	case c.Status == VerifyManifestMissing:
		return "its manifest missing"
	case c.Total == 0:
		return "no manifest that it can read"
	}
	var kinds []string
	for _, kind := range []struct {
		count int
		text  string
	}{{c.Missing, "missing"}, {c.Checksum, "with a wrong checksum"}, {c.Size, "of a wrong size"}, {c.Other, "that cannot be read"}} {
		if kind.count > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s", kind.count, kind.text))
		}
	}
	if len(kinds) == 0 {
		kinds = []string{fmt.Sprintf("%d valid", c.Valid)}
	}
	return fmt.Sprintf("of %d %s %s", c.Total, things, strings.Join(kinds, ", "))
}
