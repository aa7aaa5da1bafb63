// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// managerOf finds the manager in a cause of a conflict: conflict with "kubectl" using v1.
var managerOf = regexp.MustCompile(`conflict with "([^"]*)"`)

// What follows the objects with fields of another manager.
const (
	adviceOnConflict = "leave the namespace to that manager, or take the fields with --force-conflicts"
	adviceOnKubectl  = "continue as kubectl with --field-manager=kubectl, or take the fields with --force-conflicts"
)

// advise says what to do about the conflicts of an object, empty if there are none.
func advise(err error) string {
	switch found := conflicts(err); {
	case len(found) == 0:
		return ""
	case len(found) == 1 && strings.HasPrefix(found[0], "kubectl has "):
		return "; " + adviceOnKubectl
	}
	return "; " + adviceOnConflict
}

// refusal says why the API server has refused an object.
func refusal(object *unstructured.Unstructured, err error) string {
	name := nameOf(object)
	if fields := conflicts(err); len(fields) > 0 {
		return name + ": " + strings.Join(fields, ", ")
	}
	if text := plain(err); strings.Contains(text, "attempting to grant RBAC permissions not currently held") {
		return name + ": you may not give a right that you do not have: have a cluster-admin run this, or somebody with the verbs escalate and bind on roles"
	}
	if object.GetKind() == "Secret" {
		// The API server may quote what it refuses.
		return fmt.Sprintf("%s: the API server refuses it: %s", name, apierrors.ReasonForError(err))
	}
	return name + ": " + plain(err)
}

// conflicts says which manager has which fields, the managers sorted.
func conflicts(err error) []string {
	status := apierrors.APIStatus(nil)
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	fields := map[string][]string{}
	var names []string
	for _, cause := range status.Status().Details.Causes {
		match := managerOf.FindStringSubmatch(cause.Message)
		if cause.Type != metav1.CauseTypeFieldManagerConflict || match == nil {
			continue
		}
		// The digest differs whenever something else does.
		if strings.HasSuffix(cause.Field, vocab.AnnotationBundle) && fields[match[1]] != nil {
			continue
		}
		if fields[match[1]] == nil {
			names = append(names, match[1])
		}
		fields[match[1]] = append(fields[match[1]], cause.Field)
	}
	slices.Sort(names)
	var sentences []string
	for _, name := range names {
		sentences = append(sentences, name+" has set "+few(fields[name]))
	}
	return sentences
}

// few names the first of many.
func few(names []string) string {
	const shown = 3
	if len(names) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}

// joined names the first problems of an answer that would be a page.
func joined(problems []string) string {
	const shown = 3
	if len(problems) > shown {
		return fmt.Sprintf("%s; and %d more objects", strings.Join(problems[:shown], "; "), len(problems)-shown)
	}
	return strings.Join(problems, "; ")
}

// plain is an error in one line of a length that a person reads.
func plain(err error) string {
	const limit = 400
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

// isGone reports whether a write was refused because its namespace is no more.
func isGone(err error, namespace string) bool {
	if err == nil || namespace == "" {
		return false
	}
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return true
	}
	status := apierrors.APIStatus(nil)
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details != nil && details.Kind == resourceNamespaces && details.Name == namespace
}
