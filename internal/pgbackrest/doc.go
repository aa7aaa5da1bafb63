// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package pgbackrest is what we know about pgBackRest that needs no pgBackRest to
// be tested: the command lines we start it with, the configuration files it reads,
// and what its JSON answers mean. Facts come from pgBackRest 2.45 and 2.55.1.
//
//	     options ── CheckOption ── RenderConf ──▶ *.conf
//	                                                │
//	BackupCommand, … ──▶ argv ──▶ (pgBackRest, run by internal/run/remote)
//	                                                │
//	        ┌───────────────┬───────────────┬───────┴────────┐
//	   info (JSON)    repo-ls (JSON)   verify (text)   exit code, stderr
//	        │               │               │                │
//	    ParseInfo      ParseRepoLS     package proof   package failure
//	        │         ParseRepoFiles
//	      Info           RepoFiles
//
// Package failure says what a failure means, package proof whether a backup
// counts as proven.
//
// It promises: pure functions of their arguments (no context, clock, environment,
// log, file or network; what may be long is read from an io.Reader); every input
// gives an answer and none panics; the same input gives the same bytes; no value
// of an option, which may be a credential, in an error.
//
// It refuses: to trust an exit code of info or verify, which is 0 for a repository
// that is down, forbidden or unreadable; to make a command line with an argument
// that could be read as another option; to write a line of configuration that
// could be read as another option or section.
package pgbackrest
