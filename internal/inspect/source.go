// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// Source reads the API server. Its errors are those of the API server.
type Source interface {
	// Get returns an object. The namespace of a cluster-wide one is empty.
	Get(ctx context.Context, of schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error)
	// List returns the objects with a label selector, in one namespace or in all.
	List(ctx context.Context, of schema.GroupVersionResource, namespace, selector string) ([]unstructured.Unstructured, error)
	// Raw returns what is at a path, and the time of the answer by the clock of the API
	// server, zero if it does not say.
	Raw(ctx context.Context, path string) ([]byte, time.Time, error)
	// May reports whether somebody has a right.
	May(ctx context.Context, right Right) (bool, error)
}

// Right is something that somebody may do.
type Right struct {
	// User is the full name of the user.
	User string
	Verb string
	Of   schema.GroupVersionResource
	// Subresource may be empty, and so may Name.
	Subresource, Namespace, Name string
}

// The kinds that are read.
var (
	stanzas       = stanzaflowv1alpha1.GroupVersion.WithResource("stanzas")
	workflows     = wfv1.SchemeGroupVersion.WithResource("workflows")
	cronWorkflows = wfv1.SchemeGroupVersion.WithResource("cronworkflows")
	templates     = wfv1.SchemeGroupVersion.WithResource("workflowtemplates")
	postgresqls   = cpo.GroupVersionResource

	pods                = core("pods")
	configMaps          = core("configmaps")
	accounts            = core("serviceaccounts")
	deployments         = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	policies            = admission("validatingadmissionpolicies")
	policyBindings      = admission("validatingadmissionpolicybindings")
	workflowTaskResults = wfv1.SchemeGroupVersion.WithResource("workflowtaskresults")
)

func core(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: resource}
}

func admission(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: resource}
}

// notServed reports whether the API server does not have a kind at all, in contrast to
// one object of it.
func notServed(err error) bool {
	status := apierrors.APIStatus(nil)
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details == nil || details.Name == ""
}

// resourceName is the name of a kind as RBAC has it.
func resourceName(of schema.GroupVersionResource) string {
	return of.GroupResource().String()
}

// unreadable says in a sentence why something is not known.
func unreadable(err error, verb string, of schema.GroupVersionResource, namespace string) string {
	where := ""
	if namespace != "" {
		where = " in namespace " + namespace
	}
	switch {
	case apierrors.IsForbidden(err):
		return fmt.Sprintf("you may not %s %s%s", verb, resourceName(of), where)
	case notServed(err):
		return fmt.Sprintf("this Kubernetes cluster does not have the kind %s", resourceName(of))
	}
	return fmt.Sprintf("cannot %s %s%s: %s", verb, resourceName(of), where, strings.TrimSpace(err.Error()))
}

// decode makes an object of a kind of what the API server has returned.
func decode[T any](object *unstructured.Unstructured) (T, error) {
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &typed); err != nil {
		return typed, fmt.Errorf("cannot read %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return typed, nil
}

// decodeAll leaves out what cannot be read, and says so.
func decodeAll[T any](objects []unstructured.Unstructured) (all []*T, unknown []string) {
	for i := range objects {
		typed, err := decode[T](&objects[i])
		if err != nil {
			unknown = append(unknown, err.Error())
			continue
		}
		all = append(all, &typed)
	}
	return all, unknown
}
