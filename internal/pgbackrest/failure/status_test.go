// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package failure_test

import (
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
)

func TestDiagnoseStatus(t *testing.T) {
	for name, tc := range map[string]struct {
		message string
		code    int
		class   failure.Class
		cause   string
	}{
		"refused credentials may be new ones in a minute": {
			"[ProtocolError] HTTP request failed with 403 (Forbidden):\n*** Path/Query ***:", 39, failure.Retry, "403",
		},
		"a store that is down may come back": {
			"[HostConnectError] unable to connect to '127.0.0.1:1': [111] Connection refused", 49, failure.Retry, "Connection refused",
		},
		"another version on the repo host may be gone when all pods are updated": {
			"[ProtocolError] expected value '2.55.1' for greeting key 'version' but got '2.45'\nHINT: is the same version of pgBackRest installed on the local and remote host?",
			39, failure.Retry, "greeting",
		},
		"a repo host that is down may come back": {
			"[HostConnectError] unable to get address for 'x-pgbackrest-repo-host-0.x-clusterpods.ns.svc': [-3] Temporary failure in name resolution", 49, failure.Retry, "repo-host",
		},
		"a repo that was encrypted needs a person": {
			"[FormatError] unable to load info file '/r/backup.info' or '/r/backup.info.copy':\nFormatError: key/value found outside of section at line 1: Salted__x",
			29, failure.Stop, "outside of section at line 1",
		},
		"a repo host that refuses us may know us soon": {"[AccessError] access denied", 105, failure.Retry, "access denied"},
		"without an error inside":                      {"no such thing", failure.UnknownCode, failure.Stop, "no such thing"},
	} {
		t.Run(name, func(t *testing.T) {
			got := failure.DiagnoseStatus(pgbackrest.Status{Code: 99, Message: tc.message})
			if got.Code != tc.code || got.Class != tc.class || !strings.Contains(got.Cause, tc.cause) || got.Advice == "" {
				t.Errorf("got %+v, want code %d, class %s, cause with %q and advice", got, tc.code, tc.class, tc.cause)
			}
		})
	}
}
