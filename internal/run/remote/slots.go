// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import "context"

// SlotsStatement lists the replication slots. No backup has them.
const SlotsStatement = `SELECT coalesce(json_agg(slot_name ORDER BY slot_name), '[]'::json) FROM pg_replication_slots`

// ReadSlots asks the PostgreSQL in a container for the names of its replication slots.
func (c *Cluster) ReadSlots(ctx context.Context, at Place) ([]string, error) {
	slots := []string{}
	err := c.query(ctx, at, SlotsStatement, &slots)
	return slots, err
}
