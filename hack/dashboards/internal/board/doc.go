// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package board has our dashboards for Grafana, made with the types of Grafana's own SDK.
//
//	fleet.go     which databases of all need somebody
//	database.go  one database
//	panel.go     the kinds of panel that both use, and how they look
//
// The metrics are those of internal/metrics. A panel compares with what the operator exports,
// such as an objective, and never with a number of its own: what is too old or too small
// depends on the schedules of a database.
package board
