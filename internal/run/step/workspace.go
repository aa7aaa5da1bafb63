// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/precheck"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// Files of the workspace. The WorkflowTemplate names those that it publishes.
const (
	fileOptions   = "options.json"
	fileReport    = "report.json"
	filePrecheck  = "precheck.json"
	fileCandidate = "candidate.json"
	fileInfo      = "info.json"
	fileLog       = "pgbackrest.txt"
)

// Workspace is the directory that the steps of one pod share.
type Workspace string

func (w Workspace) precheck() (precheck.Result, error) {
	var r precheck.Result
	err := w.read(filePrecheck, "precheck", &r)
	return r, err
}

func (w Workspace) savePrecheck(r precheck.Result) error { return w.save(filePrecheck, r) }

func (w Workspace) options() (Options, error) {
	var o Options
	err := w.read(fileOptions, "begin", &o)
	return o, err
}

func (w Workspace) saveOptions(o Options) error { return w.save(fileOptions, o) }

func (w Workspace) candidate(writer string) (candidate, error) {
	var c candidate
	err := w.read(fileCandidate, writer, &c)
	return c, err
}

func (w Workspace) saveCandidate(c candidate) error { return w.save(fileCandidate, c) }

// read decodes what an earlier step saved.
func (w Workspace) read(name, writer string, into any) error {
	b, err := os.ReadFile(w.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return attempt.Stop("step %s has left nothing in the workspace: run the steps in their order in one pod", writer)
	}
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return fmt.Errorf("cannot read what %s left in the workspace: %w", writer, err)
	}
	return nil
}

func (w Workspace) save(name string, value any) error {
	b, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot encode %s: %w", name, err)
	}
	return w.write(name, report.EscapeTags(b))
}

func (w Workspace) report() (report.Report, error) {
	b, err := os.ReadFile(w.path(fileReport))
	if err == nil {
		var r report.Report
		if r, err = report.Decode(string(b)); err == nil {
			return r, nil
		}
	}
	return report.Report{}, fmt.Errorf("cannot read the report of the run: %w", err)
}

// saveReport also writes the outputs that Argo shows beside the report.
func (w Workspace) saveReport(r report.Report) error {
	b, err := r.Encode()
	if err != nil {
		return err
	}
	errs := []error{w.write(fileReport, b)}
	for name, value := range outputs(r) {
		errs = append(errs, w.write(name, []byte(value)))
	}
	return errors.Join(errs...)
}

// write replaces a file in one go, so that a killed step leaves the old one.
func (w Workspace) write(name string, b []byte) error {
	next := w.path(name + ".next")
	if err := os.WriteFile(next, b, 0o600); err != nil {
		return fmt.Errorf("cannot write to the workspace: %w", err)
	}
	if err := os.Rename(next, w.path(name)); err != nil {
		return fmt.Errorf("cannot write to the workspace: %w", err)
	}
	return nil
}

func (w Workspace) path(name string) string { return filepath.Join(string(w), name) }
