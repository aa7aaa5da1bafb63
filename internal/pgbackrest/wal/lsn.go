// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package wal

import (
	"fmt"
	"strconv"
	"strings"
)

// LSN is a position in the WAL, in bytes.
type LSN uint64

// ParseLSN reads a position as PostgreSQL prints it: 0/19006D40.
func ParseLSN(text string) (LSN, error) {
	high, low, ok := strings.Cut(text, "/")
	if !ok || len(high) > 8 || len(low) > 8 {
		return 0, fmt.Errorf("%q is not an LSN such as 0/19006D40", text)
	}
	upper, err := parseHex(high)
	if err != nil {
		return 0, fmt.Errorf("%q is not an LSN such as 0/19006D40", text)
	}
	lower, err := parseHex(low)
	if err != nil {
		return 0, fmt.Errorf("%q is not an LSN such as 0/19006D40", text)
	}
	return LSN(upper<<32 | lower), nil
}

// parseHex reads hexadecimal digits without a sign or a prefix.
func parseHex(text string) (uint64, error) {
	if text == "" || strings.Trim(text, "0123456789abcdefABCDEF") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseUint(text, 16, 32)
}

func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint64(l)>>32, uint64(l)&0xFFFFFFFF) }
