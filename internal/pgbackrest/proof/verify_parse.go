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

// ParseVerify reads the output of VerifyCommand as it comes: for a repository that
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

// Positions in the output.
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

// log reads a broken file from the log.
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

// complete checks that what was checked is followed by its counts.
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
