// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"k8s.io/apimachinery/pkg/api/resource"
)

const (
	smallest = int64(1) << 30
	mebibyte = int64(1) << 20
	// A volume has 1.3 times the size of the database, and a size has a tenth more than the
	// one below it.
	roomNumerator, roomDenominator = 13, 10
	step                           = 10
)

// size is the size of a volume for a database of so many bytes: at least 1Gi, in steps of a
// tenth, so that a database that grows does not change it after each backup.
func size(database int64) resource.Quantity {
	needed := database / roomDenominator * roomNumerator
	bytes := smallest
	for bytes < needed {
		bytes += bytes / step
	}
	whole := (bytes + mebibyte - 1) / mebibyte * mebibyte
	return *resource.NewQuantity(whole, resource.BinarySI)
}
