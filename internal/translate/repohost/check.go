// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package repohost

import (
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// imageName matches every image, and no URL and no text.
var imageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)

// Check finds the Problems of what all repos on volumes have in common.
func Check(cluster cpo.Postgresql) problem.List {
	var problems problem.List
	p := cluster.PgBackRest
	switch {
	case p.Image == "":
		problems.Add(cpo.Section+".image", vocab.ReasonInvalidImage, "is required for storage pvc: the image of the repo host")
	case !imageName.MatchString(p.Image) || strings.Contains(p.Image, "//"):
		problems.Add(cpo.Section+".image", vocab.ReasonInvalidImage, "is not the name of an image such as registry.example.com/pgbackrest:16.3-1")
	}
	for name, request := range p.Resources.Requests {
		if limit, ok := p.Resources.Limits[name]; ok && request.Cmp(limit) > 0 {
			problems.Add(cpo.Section+".resources.requests."+string(name), vocab.ReasonInvalidField, "is more than the limit; lower it, or raise the limit")
		}
	}
	if len(validation.IsDNS1035Label(cluster.Name)) > 0 {
		problems.Add("metadata.name", vocab.ReasonInvalidName, "must start with a letter and have no dot for storage pvc, because Services are named after it")
	}
	if cluster.Namespace == "" {
		problems.Add("metadata.namespace", vocab.ReasonInvalidName, "is required for storage pvc, because the names in the certificates contain it")
	}
	return problems
}
