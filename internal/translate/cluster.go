// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checkCluster refuses names that cannot be part of other names or a label. An API
// server has checked most of it; render reads files that no API server has seen.
func checkCluster(cluster cpo.Postgresql) problem.List {
	var problems problem.List
	switch name := cluster.Name; {
	case !problems.CheckExpression("metadata.name", name):
	case name == "" || len(name) > validation.LabelValueMaxLength:
		problems.Add("metadata.name", vocab.ReasonInvalidName, "must have 1 to 63 characters, because the pods of the cluster carry it as a label; it has %d", len(name))
	case len(validation.IsDNS1123Subdomain(name)) > 0:
		problems.Add("metadata.name", vocab.ReasonInvalidName, "must consist of lower-case letters, digits, dashes and dots, and start and end with a letter or a digit")
	case len(validation.IsDNS1123Label(cluster.Namespace)) > 0 && cluster.Namespace != "":
		problems.Add("metadata.namespace", vocab.ReasonInvalidName, "is not a valid name of a namespace; use only lower-case letters, digits and dashes")
	}
	return problems
}

// DefaultStanza returns the Stanza of a cluster whose user has written none.
func DefaultStanza(cluster cpo.Postgresql) stanzaflowv1alpha1.Stanza {
	labels := manifest.Labels(cluster.Name)
	if len(cluster.Name) > validation.LabelValueMaxLength {
		// A name that cannot be a label is a Problem, and this Stanza reports it.
		delete(labels, vocab.LabelCluster)
	}
	return stanzaflowv1alpha1.Stanza{
		TypeMeta:   metav1.TypeMeta{APIVersion: stanzaflowv1alpha1.GroupVersion.String(), Kind: problem.KindStanza},
		ObjectMeta: metav1.ObjectMeta{Name: cluster.Name, Namespace: cluster.Namespace, Labels: labels},
	}
}
