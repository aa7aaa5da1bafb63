// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"fmt"
	"strings"
)

// unlisted names a code that pgBackRest does not have.
const unlisted = "unlisted"

// noExitCode names UnknownCode.
const noExitCode = "no-exit-code"

// isSignal reports whether a signal ended the process. Linux has 64.
func isSignal(code int) bool { return code > 128 && code <= 128+64 }

// codeNames are all codes of pgBackRest's error.yaml.
var codeNames = map[int]string{
	25: "assert", 26: "checksum", 27: "config", 28: "file-invalid", 29: "format",
	30: "command-required", 31: "option-invalid", 32: "option-invalid-value", 37: "option-required",
	38: "pg-running", 39: "protocol", 40: "path-not-empty", 41: "file-open", 42: "file-read",
	43: "param-required", 44: "archive-mismatch", 45: "archive-duplicate", 46: "version-not-supported",
	47: "path-create", 48: "command-invalid", 49: "host-connect", 50: "lock-acquire",
	51: "backup-mismatch", 52: "file-sync", 53: "path-open", 54: "path-sync", 55: "file-missing",
	56: "db-connect", 57: "db-query", 58: "db-mismatch", 60: "file-remove", 61: "path-remove",
	62: "stop", 63: "term", 64: "file-write", 67: "feature-not-supported",
	68: "archive-command-invalid", 69: "link-expected", 70: "link-destination", 72: "host-invalid",
	73: "path-missing", 74: "file-move", 75: "backup-set-invalid", 76: "tablespace-map",
	78: "link-map", 79: "file-close", 80: "db-missing", 81: "db-invalid", 82: "archive-timeout",
	83: "file-mode", 87: "archive-disabled", 88: "file-owner", 89: "user-missing", 93: "file-exists",
	94: "memory", 95: "crypto", 96: "param-invalid", 97: "path-close", 98: "file-info",
	99: "json-format", 100: "kernel", 101: "service", 102: "execute", 103: "repo-invalid",
	104: "command", 105: "access", 106: "clock", 122: "runtime", 124: "unhandled", 125: "unknown",
}

// codeName names a code; those above 128 are signals of the kernel.
func codeName(code int) string {
	if name, ok := codeNames[code]; ok {
		return name
	}
	switch {
	case code == UnknownCode:
		return noExitCode
	case code == 126 || code == 127:
		return "not-started"
	case isSignal(code):
		return fmt.Sprintf("signal-%d", code-128)
	}
	return unlisted
}

// codeOf finds the code of a name as messages spell it: FileMissing for
// file-missing.
func codeOf(camel string) (int, bool) {
	for code, name := range codeNames {
		if strings.EqualFold(strings.ReplaceAll(name, "-", ""), camel) {
			return code, true
		}
	}
	return 0, false
}
