// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package cpotest holds objects that a real CPO made, for tests.
// samples/README.md says how they came about.
package cpotest
