// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"fmt"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const outputRetention = "retention"

// outputFresh is not global: a pod that only reuses a backup has done so if it is true,
// and Argo then starts no other one.
const outputFresh = "fresh"

// outputs are the report for people and for Argo, by the name of the output parameter,
// which is also that of its file in the workspace. All are there in every report, so
// that nothing of an earlier one stays.
func outputs(r report.Report) map[string]string {
	out := map[string]string{
		vocab.OutputResult: string(r.Result), vocab.OutputMessage: r.Message, outputRetention: retentionText(r.Retention),
		vocab.OutputLabel: "", vocab.OutputSize: "", vocab.OutputDuration: "", vocab.OutputWAL: "", vocab.OutputRecoverableFrom: "",
		vocab.OutputRunbook: "", vocab.OutputRestorePoint: "", vocab.OutputRestore: "", outputFresh: "false",
	}
	if r.Result == stanzaflowv1alpha1.RunFailed || r.Result == stanzaflowv1alpha1.RunHeld {
		out[vocab.OutputRunbook] = failure.RunbookURL(r.Step, r.Code)
	} else if r.Retention != nil && r.Retention.Failed {
		out[vocab.OutputRunbook] = failure.RunbookURL(stepExpire, r.Retention.Code)
	}
	if b := r.Backup; b != nil {
		out[vocab.OutputLabel] = b.Label
		out[vocab.OutputSize] = fmt.Sprintf("%s added to %s, of a database of %s", report.FormatBytes(b.RepoDeltaBytes), r.Repo, report.FormatBytes(b.DatabaseBytes))
		out[vocab.OutputDuration] = b.Stop.Sub(b.Start).String()
		out[vocab.OutputWAL] = b.WALStart + " to " + b.WALStop
		out[vocab.OutputRecoverableFrom] = b.Stop.UTC().Format(time.RFC3339)
	}
	if p := r.Predeploy; p != nil {
		out[vocab.OutputRestorePoint], out[vocab.OutputRestore], out[outputFresh] = p.RestorePoint, p.Restore, "true"
	}
	return out
}

func retentionText(r *report.Retention) string {
	switch {
	case r == nil:
		return ""
	case r.Failed:
		return vocab.RetentionFailed + ": " + r.Message
	}
	return vocab.RetentionSucceeded
}
