// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package component

import (
	"fmt"
	"runtime"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/host"
)

// compilerMemory returns an environment in which Go's compiler and linker rarely
// collect garbage, which takes nearly a third of their time. go build runs one
// compiler per processor; together they may take half of the free memory.
func compilerMemory() ([]string, error) {
	free, err := host.FreeMemory()
	if err != nil {
		return nil, err
	}
	const least, enough = 512 << 20, 2 << 30 // enough is what linking the largest program needs
	limit := max(least, min(free/2/int64(runtime.NumCPU()), enough))
	return []string{"GOGC=400", fmt.Sprintf("GOMEMLIMIT=%dMiB", limit>>20)}, nil
}
