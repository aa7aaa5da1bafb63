// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package repohost plans the host of the repos on volumes: pgBackRest's TLS
// server with a volume for each repo, CPO's names and labels, and the
// certificates of both ends.
//
//	repos, options of global ─┐
//	Stanza.spec.certificate ──┼─▶ Check, CheckCertificate ─▶ Problems
//	image, resources ─────────┘   Plan ─▶ Host{Services, Claims, Certificates, ConfigMap, StatefulSet}
//	                              ClientFiles ─▶ what the PostgreSQL pods need to reach it
//
// Nothing here reads the pods or restarts them: the template holds nothing of the
// configuration, so that a changed option never ends a backup. This package knows
// no schedule.
package repohost
