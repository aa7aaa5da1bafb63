// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

// Labels of the pods, set by CPO or, in mode standalone, by whoever runs
// PostgreSQL (docs/bring-your-own-postgres.md).
const (
	LabelApplication = "application"
	Application      = "cpo"
	LabelCluster     = "cluster.cpo.opensource.cybertec.at/name"
	LabelRole        = "member.cpo.opensource.cybertec.at/role"
	RolePrimary      = "master"
	LabelMemberType  = "member.cpo.opensource.cybertec.at/type"
	MemberPostgreSQL = "postgresql"
	MemberRepoHost   = "repo-host"
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
)

// ConfigMapName is the name of the ConfigMap with the pgBackRest
// configuration of the PostgreSQL pods of a cluster.
func ConfigMapName(cluster string) string { return cluster + "-pgbackrest-config" }

// PrimarySelector selects the primary of a cluster.
func PrimarySelector(cluster string) map[string]string {
	return map[string]string{LabelApplication: Application, LabelCluster: cluster, LabelRole: RolePrimary}
}
