// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import "time"

// Makes reports whether a CronJob has started the backup of a slot, or still may.
// All times that Kubernetes keeps are in whole seconds, and so are slots.
func (c CronJob) Makes(slot time.Time) bool {
	switch {
	case !c.Created.Before(slot):
		// Kubernetes starts only the slots after the creation.
		return false
	case !c.LastSlot.Before(slot):
		return true
	case !c.Suspended:
		return true
	default:
		// Whoever suspended it in the second of the slot was in time: otherwise
		// LastSlot would be the slot.
		return c.SuspendTime.After(slot)
	}
}
