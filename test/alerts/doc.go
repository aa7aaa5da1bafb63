// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package alerts evaluates our rules for Prometheus with its own engine. It is a
// separate module, so that no other one depends on Prometheus.
package alerts
