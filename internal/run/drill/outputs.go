// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Files in the directory of outputs, which the WorkflowTemplate publishes.
const (
	// FileReport is the report, FilePlan the plan for step restore.
	FileReport = "report.json"
	FilePlan   = "plan.json"
	// FileAgain is true if the drill must be planned and made once more.
	FileAgain = "again"
)

// Outputs is the directory in which Argo reads the output parameters.
type Outputs string

// Save replaces the report and what Argo shows beside it.
func (o Outputs) Save(r report.Report, again bool) error {
	text, err := r.Encode()
	if err != nil {
		return err
	}
	return errors.Join(
		o.Write(FileReport, text),
		o.Write(vocab.OutputResult, []byte(r.Result)),
		o.Write(vocab.OutputMessage, []byte(r.Message)),
		o.Write(FileAgain, fmt.Append(nil, again)),
	)
}

// Write replaces a file in one go, so that a killed drill leaves the old one.
func (o Outputs) Write(name string, content []byte) error {
	file := filepath.Join(string(o), name)
	if err := os.WriteFile(file+".next", content, 0o600); err != nil {
		return fmt.Errorf("cannot leave output %s: %w", name, err)
	}
	if err := os.Rename(file+".next", file); err != nil {
		return fmt.Errorf("cannot leave output %s: %w", name, err)
	}
	return nil
}
