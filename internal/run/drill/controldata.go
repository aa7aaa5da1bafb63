// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

// controlData is what pg_controldata says of the restored data, and its PG_VERSION.
type controlData struct {
	major                       int
	systemID                    string
	preparedTransactions, locks int
	segmentBytes                wal.Size
	// checksums reports whether the pages have checksums.
	checksums bool
}

// parseControlData reads the output of pg_controldata in the locale C.
func parseControlData(text string) (controlData, error) {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(line, ":"); found {
			values[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	var c controlData
	c.systemID = values["Database system identifier"]
	var err error
	number := func(name string) int {
		n, problem := strconv.Atoi(values[name])
		if (problem != nil || n < 0) && err == nil {
			err = fmt.Errorf("pg_controldata has %q for %q", values[name], name)
		}
		return n
	}
	c.preparedTransactions = number("max_prepared_xacts setting")
	c.locks = number("max_locks_per_xact setting")
	c.segmentBytes = wal.Size(number("Bytes per WAL segment")) //nolint:gosec // Else there is an error.
	c.checksums = number("Data page checksum version") > 0
	if err == nil && (c.systemID == "" || !c.segmentBytes.Valid()) {
		err = fmt.Errorf("pg_controldata names no database")
	}
	return c, err
}
