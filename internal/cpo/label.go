// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import "time"

// Labels of the pods, set by CPO or, in mode standalone, by whoever runs
// PostgreSQL (docs/bring-your-own-postgres.md). All but the member type are defaults
// that the configuration of CPO can change: see Labels.
const (
	LabelApplication = "application"
	Application      = "cpo"
	LabelCluster     = "cluster.cpo.opensource.cybertec.at/name"
	LabelRole        = "member.cpo.opensource.cybertec.at/role"
	RolePrimary      = "master"
	// LabelMemberType is the same with every configuration of CPO.
	LabelMemberType  = "member.cpo.opensource.cybertec.at/type"
	MemberPostgreSQL = "postgresql"
	MemberRepoHost   = "repo-host"
	// LabelCriticalOperation is "true" on the pods of a cluster while CPO
	// upgrades it to another major version.
	LabelCriticalOperation = "critical-operation"
)

// Containers that have pgBackRest.
const (
	ContainerPostgreSQL = "postgres"
	ContainerRepoHost   = "pgbackrest"
)

// Paths in the PostgreSQL container, as CPO lays them out.
const (
	PGDataPath     = "/home/postgres/pgdata/pgroot/data"
	PGSocketPath   = "/var/run/postgresql"
	PGPort         = "5432"
	LogPath        = "/home/postgres/pgdata/pgbackrest/log"
	SpoolPath      = "/home/postgres/pgdata/pgbackrest/spool-path"
	ConfigDir      = "/etc/pgbackrest/conf.d"
	ConfigFileName = "pgbackrest_instance.conf"
	// CertDir holds the files of the TLS Secret, in both kinds of pods.
	CertDir = "/etc/pgbackrest/certs"
)

// ServerPort is that of pgBackRest's server, on the repo host and beside PostgreSQL.
const ServerPort = "8432"

// RepoDir is where the repo host mounts its volumes: that of repoN at RepoDir/repoN.
const RepoDir = "/data/pgbackrest"

// PostgresUID is the user and the group of PostgreSQL and of pgBackRest in
// CPO's images.
const PostgresUID = 26

// Files of the TLS Secret, as CPO names them. The client pair is that of the
// PostgreSQL pods. Both pairs are good for clients and servers.
const (
	FileCARoots      = "pgbackrest.ca-roots"
	FileClientCert   = "pgbackrest-client.crt"
	FileClientKey    = "pgbackrest-client.key"
	FileRepoHostCert = "pgbackrest-repo-host.crt"
	FileRepoHostKey  = "pgbackrest-repo-host.key"
)

// ConfigMapName is the name of the ConfigMap with the pgBackRest
// configuration of the PostgreSQL pods of a cluster.
func ConfigMapName(cluster string) string { return cluster + "-pgbackrest-config" }

// RepoHostConfigMapName is the name of the ConfigMap with the pgBackRest
// configuration of the repo host.
func RepoHostConfigMapName(cluster string) string { return cluster + "-pgbackrest-repohost-config" }

// RestoreConfigMapName is the name of the ConfigMap that CPO makes when it begins to
// restore a cluster, and deletes when the restore is done.
func RestoreConfigMapName(cluster string) string { return cluster + "-pgbackrest-restore" }

// CertificateWarning is how long before its end a certificate of CPO, which nobody renews,
// must be replaced by a person.
const CertificateWarning = 60 * 24 * time.Hour

// CertSecretName is the name of the TLS Secret of a cluster.
func CertSecretName(cluster string) string { return cluster + "-pgbackrest-cert" }
