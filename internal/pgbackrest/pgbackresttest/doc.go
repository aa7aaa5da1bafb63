// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package pgbackresttest helps to test package pgbackrest and the packages below
// it. It holds what real pgBackRests printed; testdata/README.md says how that
// was recorded.
package pgbackresttest
