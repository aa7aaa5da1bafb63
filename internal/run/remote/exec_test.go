// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"testing"
	"time"
)

// TestAnswerTime is longer than pgBackRest's own patience with four stores.
func TestAnswerTime(t *testing.T) {
	t.Parallel()
	if answerTime < 4*40*time.Second {
		t.Errorf("%s are too short for pgbackrest info", answerTime)
	}
}
