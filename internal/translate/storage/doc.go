// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package storage says what each kind of storage of a repo means: which fields it
// uses and for which options of pgBackRest they stand, what they must be, where
// the backups are, and where the commands of a run are executed.
//
//	Repo.Storage ─▶ Of ─▶ Storage ─┬─▶ Check ────────▶ Problems
//	                               ├─▶ Options ──────▶ the configuration of pgBackRest
//	                               ├─▶ RepositoryOf ─▶ Location, for reports and the status
//	                               └─▶ TargetFor ────▶ the containers of a run
//
// One file for each storage (s3.go, azure.go, gcs.go, volume.go) holds one value
// of type Storage. To add a storage, write such a file and add its value to
// storages. An unknown storage has no value: nothing is planned for it.
//
// This package plans no object, and knows neither the repo host nor schedules.
package storage
