// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// acceptsRepoHost checks what all repos with storage pvc have in common.
func (t *translation) acceptsRepoHost(p *cpo.PgBackRest) bool {
	ok := t.certificateAccepted
	refuse := func(field, reason, message string) {
		t.problem(field, reason, "%s", message)
		ok = false
	}
	switch {
	case p.Image == "":
		refuse(section+".image", vocab.ReasonInvalidImage, "is required for storage pvc: the image of the repo host")
	case !imageName.MatchString(p.Image) || strings.Contains(p.Image, "//"):
		refuse(section+".image", vocab.ReasonInvalidImage, "is not the name of an image, such as registry.example.com/pgbackrest:16.3-1")
	}
	for name, request := range p.Resources.Requests {
		if limit, ok := p.Resources.Limits[name]; ok && request.Cmp(limit) > 0 {
			refuse(section+".resources.requests."+string(name), vocab.ReasonInvalidField, "is more than the limit")
		}
	}
	if len(validation.IsDNS1035Label(t.in.Cluster.Name)) > 0 {
		refuse("metadata.name", vocab.ReasonInvalidName, "must start with a letter and have no dot for storage pvc, because Services are named after it")
	}
	if t.in.Cluster.Namespace == "" {
		refuse("metadata.namespace", vocab.ReasonInvalidName, "is required for storage pvc, because the names of the certificates hold it")
	}
	return ok
}

// imageName has every image, and no URL and no text.
var imageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)

// repoHost plans the host of the repos on volumes.
func (t *translation) repoHost(repos, hosted []repo, global map[string]string, secret string) *RepoHost {
	host := &RepoHost{
		Services:     t.services(),
		Claims:       make([]corev1.PersistentVolumeClaim, 0, len(hosted)),
		ConfigMap:    *t.newConfigMap(cpo.RepoHostConfigMapName(t.in.Cluster.Name), t.repoHostFiles(repos, hosted, global)),
		Certificates: t.certificates(),
		StatefulSet:  t.statefulSet(hosted, secret),
	}
	for _, r := range hosted {
		host.Claims = append(host.Claims, t.claim(r))
	}
	host.CommonName, host.DNSNames = CertificateNames(t.in.Cluster)
	return host
}

// repoHostFiles are what pgBackRest reads on the repo host: where PostgreSQL is,
// and the same repos as the PostgreSQL pods have, so that pgbackrest info tells
// the same at both ends.
func (t *translation) repoHostFiles(repos, hosted []repo, global map[string]string) map[string]string {
	options := make(map[string]string, len(global)+16)
	for key, value := range global {
		number, ofRepo := optionRepo(key)
		known := !ofRepo || slices.ContainsFunc(repos, func(r repo) bool { return r.number == number })
		// Places in the PostgreSQL pods are none here, and a repo that only
		// global describes is one in those pods.
		if known && !slices.Contains([]string{"log-path", "spool-path", "lock-path"}, key) {
			options[key] = value
		}
	}
	options["log-path"] = repoDir(hosted[0]) + "/log"
	maps.Copy(options, t.tlsServer(repoHostFiles))
	for _, r := range repos {
		if r.Storage == cpo.StoragePVC {
			options[pgbackrest.RepoOption(r.number, "path")] = repoDir(r)
		} else {
			maps.Copy(options, t.repoOptions(r))
		}
	}
	stanza := placeOfPostgreSQL()
	stanza["pg1-host"] = t.inNamespace(PrimaryServiceName(t.in.Cluster.Name))
	stanza["pg1-host-type"] = "tls"
	maps.Copy(stanza, repoHostFiles.options("pg1-host-"))
	return map[string]string{cpo.ConfigFileName: renderConf(stanza, options), ServerScriptName: serverScript}
}

// repoDir is where the volume of a repo is on the repo host.
func repoDir(r repo) string { return cpo.RepoDir + "/" + r.Name }

// hostOptions lead the PostgreSQL pods to a repo on the repo host.
func (t *translation) hostOptions(r repo) map[string]string {
	cluster := t.in.Cluster.Name
	options := clientFiles.options(pgbackrest.RepoOption(r.number, "host-"))
	options[pgbackrest.RepoOption(r.number, "host")] = RepoHostName(cluster) + "-0." + t.inNamespace(ClusterPodsServiceName(cluster))
	options[pgbackrest.RepoOption(r.number, "host-type")] = "tls"
	return options
}

// inNamespace is the name of a Service for every pod of the Kubernetes cluster,
// whatever domain that has.
func (t *translation) inNamespace(service string) string {
	return service + "." + t.in.Cluster.Namespace + ".svc"
}
