// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"fmt"
	"strings"
)

// ClassifyStatus explains a repository status of info that is not ok. info
// exits 0 for a repository that it cannot read, and says why only there:
// "[ProtocolError] HTTP request failed with 403 (Forbidden)".
func ClassifyStatus(s Status) Failure {
	message := strings.TrimSpace(s.Message)
	if match := innerName.FindStringSubmatchIndex(message); match != nil {
		if code, ok := codeOf(message[match[2]:match[3]]); ok {
			return Classify(code, fmt.Sprintf("ERROR: [%03d]: %s", code, strings.TrimSpace(message[match[1]:])))
		}
	}
	return Failure{
		Code: UnknownCode, Name: noExitCode, Class: Stop, Cause: firstLine(message, maxCause),
		Advice: "pgbackrest info cannot read the repository; run it in the pod and repair the cause",
	}
}
