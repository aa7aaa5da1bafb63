// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package trial tries one fault: it makes a run while rows are written, breaks something
// at a moment of the run that the seed picks, and repairs it. Then it compares what the
// run said with the truth, which is a restore. The next run must work, and nothing may be
// left behind.
//
//	World ──▶ run ──▶ moment ──▶ inject ──▶ repair ──▶ judge ──▶ next run ──▶ Result
//
// A World is reused for one trial after the other until a trial leaves it damaged. Which
// faults there are, package fault says.
package trial
