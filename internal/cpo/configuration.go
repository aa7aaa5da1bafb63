// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	"maps"
	"slices"
	"strconv"
)

// Line is an option in a configuration file that CPO writes.
type Line struct{ Section, Name, Value string }

// Sections of CPO's configuration files.
const (
	SectionGlobal = "global"
	SectionStanza = "db"
)

// PrimaryLines returns what CPO writes for a cluster into the file of the PostgreSQL
// pods about where its repos are, and all of global. It follows CPO and not us:
// global is not checked, a repo on a volume has the number of its position in the
// list, and a field that is empty is an option without a value.
//
// The host of a repo on a volume ends in .svc: the domain of the Kubernetes cluster
// follows, which is a setting of CPO.
func PrimaryLines(p Postgresql) []Line {
	if p.PgBackRest == nil {
		return nil
	}
	lines := globalLines(p.PgBackRest, SectionGlobal)
	for i, repo := range p.PgBackRest.Repos {
		add := func(prefix, option, value string) {
			lines = append(lines, Line{SectionGlobal, prefix + "-" + option, value})
		}
		switch repo.Storage {
		case StoragePVC:
			add(volumeRepo(i), "host", RepoHostName(p.Namespace, p.Name))
		case StorageS3:
			add(repo.Name, "type", StorageS3)
			add(repo.Name, "s3-bucket", repo.Resource)
			add(repo.Name, "s3-endpoint", repo.Endpoint)
			add(repo.Name, "s3-region", repo.Region)
		case StorageGCS:
			add(repo.Name, "type", StorageGCS)
			add(repo.Name, "gcs-bucket", repo.Resource)
		case StorageAzure:
			add(repo.Name, "type", StorageAzure)
			add(repo.Name, "azure-container", repo.Resource)
			add(repo.Name, "azure-endpoint", repo.Endpoint)
			add(repo.Name, "azure-account", repo.Account)
		}
	}
	return lines
}

// RepoHostLines returns the same for the file of the repo host, which has only the
// repos on volumes. There global is in the section of the stanza, so that it
// overrides what stands in the section global.
func RepoHostLines(p Postgresql) []Line {
	if p.PgBackRest == nil {
		return nil
	}
	lines := globalLines(p.PgBackRest, SectionStanza)
	for i, repo := range p.PgBackRest.Repos {
		if repo.Storage == StoragePVC {
			lines = append(lines, Line{SectionGlobal, volumeRepo(i) + "-path", RepoDir + "/" + volumeRepo(i)})
		}
	}
	return lines
}

func globalLines(p *PgBackRest, section string) []Line {
	var lines []Line
	for _, name := range slices.Sorted(maps.Keys(p.Global)) {
		lines = append(lines, Line{section, name, p.Global[name]})
	}
	return lines
}

// volumeRepo is the name that CPO gives a repo on a volume in the configuration.
func volumeRepo(index int) string { return "repo" + strconv.Itoa(index+1) }

// RepoHostName is the DNS name of the repo host that CPO makes, without the domain of
// the Kubernetes cluster.
func RepoHostName(namespace, cluster string) string {
	return cluster + "-pgbackrest-repo-host-0." + cluster + "-clusterpods." + namespace + ".svc"
}
