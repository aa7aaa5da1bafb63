// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package pgbackrest holds what we say of pgBackRest's configuration against the
// program itself, in every release that the images of the local cluster have. No
// cluster runs: the programs are read from the images in PGBACKREST_IMAGES.
//
//	an option, or a whole resource ─▶ our verdict ──┐
//	                              └─▶ *.conf ─▶ pgbackrest ─▶ its verdict ─▶ the same?
//
// TestRestorePlan also runs the PostgreSQL of an image, in its file system and a user
// namespace, with two repos. It lets it be backed up, restored to the past and lose WAL,
// and carries restore plans out. TestRestoreFromManyRepos damages the copy of one repo, and
// holds what pgBackRest makes of that against the plans.
//
// Restore drills run there, too: a PostgreSQL with its repo is started in the files of an
// image, as the user postgres, and the steps of a drill are made of it, by the program that
// runs in a pod. The repo is then damaged in many ways, each of which must turn the drill
// red.
//
//	primary ─▶ repo ─▶ step plan ─▶ damage ─▶ step restore ─▶ report
//
// Run it with make test-pgbackrest, as root.
package pgbackrest
