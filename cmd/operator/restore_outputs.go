// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/stanzaflow/stanzaflow/internal/restore"
	"github.com/stanzaflow/stanzaflow/internal/run/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// planOutputs are the files from which Argo takes the outputs of a plan that a Workflow
// makes. Without a directory there are none.
type planOutputs struct {
	directory, terminationLog string
}

// add adds the flags, which only the WorkflowTemplate uses.
func (o *planOutputs) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&o.directory, outputsFlag, "", "directory that gets the outputs of a Workflow")
	flags.StringVar(&o.terminationLog, terminationLogFlag, "/dev/termination-log", "file that Kubernetes reads the message of the container from, with --outputs")
	for _, name := range []string{outputsFlag, terminationLogFlag} {
		_ = flags.MarkHidden(name) // The flag exists.
	}
}

// save leaves an answer.
func (o *planOutputs) save(answer restore.Answer) error {
	if o.directory == "" {
		return nil
	}
	plan, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("cannot encode the plan: %w", err)
	}
	message := report.OneLine(answer.Message)
	if answer.Reason != "" {
		message = report.OneLine(answer.Reason + ": " + answer.Message)
	}
	return errors.Join(drill.Outputs(o.directory).Write(drill.FilePlan, plan), o.leave(string(answer.Verdict), message))
}

// fail leaves why there is no answer. No result is none of the three.
func (o *planOutputs) fail(why error) error {
	if o.directory == "" {
		return nil
	}
	return o.leave("", report.OneLine(why.Error()))
}

func (o *planOutputs) leave(result, message string) error {
	outputs, said := drill.Outputs(o.directory), message
	if result != "" {
		said = result + ": " + message
	}
	err := errors.Join(outputs.Write(vocab.OutputResult, []byte(result)), outputs.Write(vocab.OutputMessage, []byte(message)))
	if logErr := os.WriteFile(o.terminationLog, []byte(said), 0o600); logErr != nil {
		err = errors.Join(err, fmt.Errorf("cannot leave the message of the container: %w", logErr))
	}
	return err
}
