// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package monitor asks the Prometheus and the Alertmanager of a namespace, as testdata/monitoring
// makes them, and gives Prometheus our rules.
//
//	Stack   one Prometheus and its Alertmanager, asked through the API server
//	Hasten  our rules with shorter waits, so that a story sees an alert within seconds
package monitor
