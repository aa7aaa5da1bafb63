// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"fmt"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// DiagnoseStatus explains a repository status of info that is not ok. info
// exits 0 for a repository that it cannot read, and says why only there:
// "[ProtocolError] HTTP request failed with 403 (Forbidden)".
func DiagnoseStatus(s pgbackrest.Status) Diagnosis {
	message := strings.TrimSpace(s.Message)
	if match := innerName.FindStringSubmatchIndex(message); match != nil {
		if code, ok := codeOf(message[match[2]:match[3]]); ok {
			return Diagnose(code, fmt.Sprintf("ERROR: [%03d]: %s", code, strings.TrimSpace(message[match[1]:])))
		}
	}
	return Diagnosis{
		Code: UnknownCode, Name: noExitCode, Class: Stop, Cause: FirstLine(message, MaxCause),
		Advice: "pgbackrest info cannot read the repository; run it in the pod and repair the cause",
	}
}
