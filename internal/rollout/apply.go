// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// atOnce is how many namespaces are worked on at the same time. It bounds the load of the
// API server: each has one request at a time.
const atOnce = 8

// resourceNamespaces is in the API.
const resourceNamespaces = "namespaces"

// listed selects the objects that a bundle may have.
const listed = vocab.LabelPartOf + "=" + partOf

var (
	namespacesResource = schema.GroupVersionResource{Version: "v1", Resource: resourceNamespaces}
	policiesResource   = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"}
)

// Target is which namespaces are meant.
type Target struct {
	// Names of namespaces. Each must exist.
	Names []string
	// Selector of namespaces by their labels, if there are no names.
	Selector string
}

// Outcome is what became of a namespace.
type Outcome string

// Outcomes beside those of a Change.
const (
	// Failed: the namespace does not have the bundle.
	Failed Outcome = "failed"
	// Gone: the namespace has been deleted, or is being deleted.
	Gone Outcome = "gone"
)

// Result is what became of one namespace, or of the objects that are in none.
type Result struct {
	// Namespace is empty for the objects that are in none.
	Namespace string  `json:"namespace,omitempty"`
	Outcome   Outcome `json:"outcome"`
	// Created and Configured are objects, as kind and name.
	Created    []string `json:"created,omitempty"`
	Configured []string `json:"configured,omitempty"`
	Unchanged  int      `json:"unchanged"`
	// Fields that were changed, or would be.
	Fields []string `json:"fields,omitempty"`
	// Problem says why it has failed, and what to do.
	Problem string `json:"problem,omitempty"`
}

// Session is one call of a command.
type Session struct {
	Cluster Cluster
	Bundle  Bundle
	How     How
	// By is whose bundle it is, if it is that of the program.
	By vocab.Provisioner
	// Warn gets sentences about what could not be looked at, or may not be meant.
	Warn func(string)

	kinds map[schema.GroupVersionKind]served
	// live are the objects of all namespaces, by namespace and ID. A kind that may only be
	// listed in single namespaces is not in it.
	live   map[string]map[string]*unstructured.Unstructured
	single []schema.GroupVersionResource
}

type served struct {
	resource   schema.GroupVersionResource
	namespaced bool
}

// Apply brings the bundle into the namespaces and says of each what became of it, in the
// order of their names. Its error is why nothing was tried.
func (s *Session) Apply(ctx context.Context, target Target, say func(Result)) error {
	if err := s.checkPolicies(ctx); err != nil {
		return err
	}
	if err := s.discover(ctx); err != nil {
		return err
	}
	namespaces, err := s.namespaces(ctx, target)
	if err != nil {
		return err
	}
	if err := s.look(ctx, namespaces); err != nil {
		return err
	}
	if wide := s.objects(false); len(wide) > 0 {
		result := s.applyWide(ctx, wide)
		say(result)
		if result.Outcome == Failed {
			return errors.New("no namespace was tried, because what all of them need could not be applied")
		}
	}
	inOrder(namespaces, func(n namespace) Result { return s.applyTo(ctx, n) }, say)
	return nil
}

// inOrder works on some namespaces at the same time, and says the results in order.
func inOrder[T any](namespaces []namespace, work func(namespace) T, say func(T)) {
	results := make([]chan T, len(namespaces))
	slots := make(chan struct{}, atOnce)
	for i := range namespaces {
		results[i] = make(chan T, 1)
	}
	go func() {
		for i, n := range namespaces {
			slots <- struct{}{}
			go func() {
				results[i] <- work(n)
				<-slots
			}()
		}
	}()
	for _, result := range results {
		say(<-result)
	}
}

// checkPolicies refuses to bring steps whose commands the policies would refuse.
func (s *Session) checkPolicies(ctx context.Context) error {
	const policy = "stanzaflow-exec"
	object, err := s.Cluster.Get(ctx, policiesResource, "", policy)
	if err != nil {
		if !apierrors.IsNotFound(err) {
			s.Warn("it is not known whether the operator and its policies are of this release: cannot get ValidatingAdmissionPolicy " + policy)
		}
		return nil // An installation without policies is doctor's to judge.
	}
	if found := object.GetLabels()[vocab.LabelPolicyContract]; found != vocab.PolicyContract {
		return fmt.Errorf("the admission policies have the contract %s, and the steps of this release need %s: upgrade CRDs, policies and operator first, docs/install.md#upgrade; nothing was applied", found, vocab.PolicyContract)
	}
	s.checkMode(ctx)
	return nil
}

// checkMode warns if the policies look like those of the other mode, whose runs have more
// rights. It is no more than that: policies of a mode before may be left.
func (s *Session) checkMode(ctx context.Context) {
	const onlyAlongside = "stanzaflow-cronjobs"
	if s.By != vocab.ProvisionedByUs {
		return
	}
	if _, err := s.Cluster.Get(ctx, policiesResource, "", onlyAlongside); err == nil {
		s.Warn("ValidatingAdmissionPolicy " + onlyAlongside + " is that of an operator beside CPO: if yours is, apply with --mode " + vocab.ModeAlongside)
	}
}

// discover finds out how the kinds of the bundle are served.
func (s *Session) discover(ctx context.Context) error {
	s.kinds = map[schema.GroupVersionKind]served{}
	for _, object := range s.Bundle.Objects {
		kind := object.GroupVersionKind()
		if _, known := s.kinds[kind]; known {
			continue
		}
		resource, namespaced, err := s.Cluster.Kind(ctx, kind)
		if err != nil {
			return err
		}
		s.kinds[kind] = served{resource, namespaced}
	}
	return nil
}

// objects are those of the bundle that are in namespaces, or that are not.
func (s *Session) objects(namespaced bool) []*unstructured.Unstructured {
	return slices.DeleteFunc(slices.Clone(s.Bundle.Objects), func(o *unstructured.Unstructured) bool {
		return s.kinds[o.GroupVersionKind()].namespaced != namespaced
	})
}

// look lists what is there: all namespaces in one request for each kind, if there are
// several and the person may.
func (s *Session) look(ctx context.Context, namespaces []namespace) error {
	resources := map[schema.GroupVersionResource]bool{}
	for _, object := range s.objects(true) {
		resources[s.kinds[object.GroupVersionKind()].resource] = true
	}
	s.live, s.single = map[string]map[string]*unstructured.Unstructured{}, nil
	for _, resource := range slices.SortedFunc(maps.Keys(resources), func(a, b schema.GroupVersionResource) int {
		return strings.Compare(a.String(), b.String())
	}) {
		if len(namespaces) == 1 {
			s.single = append(s.single, resource)
			continue
		}
		objects, err := s.Cluster.List(ctx, resource, "", listed)
		switch {
		case apierrors.IsForbidden(err):
			s.single = append(s.single, resource)
		case err != nil:
			return fmt.Errorf("cannot list %s in all namespaces: %w", resource.Resource, err)
		}
		for i := range objects {
			keep(s.live, &objects[i])
		}
	}
	return nil
}

func keep(all map[string]map[string]*unstructured.Unstructured, object *unstructured.Unstructured) {
	namespace := object.GetNamespace()
	if all[namespace] == nil {
		all[namespace] = map[string]*unstructured.Unstructured{}
	}
	all[namespace][id(object)] = object
}

// liveIn returns what is in a namespace.
func (s *Session) liveIn(ctx context.Context, namespace string) (map[string]*unstructured.Unstructured, error) {
	found := map[string]map[string]*unstructured.Unstructured{namespace: maps.Clone(s.live[namespace])}
	for _, resource := range s.single {
		objects, err := s.Cluster.List(ctx, resource, namespace, listed)
		if err != nil {
			return nil, fmt.Errorf("cannot list %s: %w", resource.Resource, err)
		}
		for i := range objects {
			keep(found, &objects[i])
		}
	}
	labelled := len(found[namespace])
	if err := s.addUnlabelled(ctx, namespace, found, true); err != nil {
		return nil, err
	}
	if len(found[namespace]) > labelled {
		if err := s.addUnlabelled(ctx, namespace, found, false); err != nil {
			return nil, err
		}
	}
	return found[namespace], nil
}

// addUnlabelled adds the templates of the bundle, or its other objects, that are there
// without the label by which they are listed: the kustomization adds it, the plain files
// lack it. It asks once for each kind of which an object is missing, so that a new
// namespace costs one request.
func (s *Session) addUnlabelled(ctx context.Context, namespace string, found map[string]map[string]*unstructured.Unstructured, templates bool) error {
	missing := map[schema.GroupVersionResource][]string{}
	for _, want := range s.objects(true) {
		if (want.GetKind() == kindTemplate) == templates && found[namespace][id(want)] == nil {
			resource := s.kinds[want.GroupVersionKind()].resource
			missing[resource] = append(missing[resource], id(want))
		}
	}
	for resource, ids := range missing {
		objects, err := s.Cluster.List(ctx, resource, namespace, "")
		if err != nil {
			return fmt.Errorf("cannot list %s: %w", resource.Resource, err)
		}
		for i := range objects {
			if slices.Contains(ids, id(&objects[i])) {
				keep(found, &objects[i])
			}
		}
	}
	return nil
}

// applyWide applies the objects that are in no namespace.
func (s *Session) applyWide(ctx context.Context, objects []*unstructured.Unstructured) Result {
	live := map[string]*unstructured.Unstructured{}
	for _, want := range objects {
		object, err := s.Cluster.Get(ctx, s.kinds[want.GroupVersionKind()].resource, "", want.GetName())
		if err != nil && !apierrors.IsNotFound(err) {
			return failed("", "cannot get "+nameOf(want)+": "+plain(err))
		}
		if err == nil {
			live[id(want)] = object
		}
	}
	return s.carryOut(ctx, "", planned(Bundle{Objects: objects}, live))
}

// applyTo brings the bundle into one namespace.
func (s *Session) applyTo(ctx context.Context, n namespace) Result {
	if n.terminating {
		return Result{Namespace: n.name, Outcome: Gone, Problem: "it is being deleted"}
	}
	live, err := s.liveIn(ctx, n.name)
	if err != nil {
		return failed(n.name, plain(err))
	}
	return s.carryOut(ctx, n.name, planned(Bundle{Objects: s.objects(true)}, live))
}

// carryOut applies what differs. If an object that exists is to be changed, the API server
// is asked about all of them first: a refusal in the middle would leave new rights with
// old templates.
func (s *Session) carryOut(ctx context.Context, namespace string, steps []step) Result {
	asks := slices.ContainsFunc(steps, func(s step) bool { return s.change == Configured })
	if asks && !s.How.DryRun {
		how := s.How
		how.DryRun = true
		if result := s.write(ctx, namespace, steps, how); result.Outcome == Failed || result.Outcome == Gone {
			result.Created, result.Configured, result.Fields = nil, nil, nil
			return result
		}
	}
	return s.write(ctx, namespace, steps, s.How)
}

// write applies what differs, until something is refused. A dry run asks about all.
func (s *Session) write(ctx context.Context, namespace string, steps []step, how How) Result {
	result := Result{Namespace: namespace, Outcome: Outcome(Unchanged)}
	var problems []string
	advice := ""
	for _, step := range steps {
		if step.change == Unchanged {
			result.Unchanged++
			continue
		}
		object := step.want.DeepCopy()
		object.SetNamespace(namespace)
		is, err := s.Cluster.Apply(ctx, s.kinds[object.GroupVersionKind()].resource, object, how)
		switch {
		case isGone(err, namespace):
			result.Outcome, result.Problem = Gone, "it was deleted meanwhile"
			return result
		case how.DryRun && lacksNewRole(err, step.want, steps):
			result.note(step, object)
		case err != nil:
			problems = append(problems, refusal(step.want, err))
			advice = cmp.Or(advise(err), advice)
		default:
			result.note(step, is)
		}
		if err != nil && !how.DryRun {
			break
		}
	}
	if len(problems) > 0 {
		result.Outcome, result.Problem = Failed, joined(problems)+advice
	}
	return result
}

// lacksNewRole reports whether a RoleBinding was refused in a dry run because the Role that
// is to be created before it is not stored: the API server looks for its rights if the
// person may not bind every Role. They were compared with his when the Role was tried.
func lacksNewRole(err error, want *unstructured.Unstructured, steps []step) bool {
	if want.GetKind() != kindRoleBinding || !apierrors.IsNotFound(err) {
		return false
	}
	kind, _, _ := unstructured.NestedString(want.Object, "roleRef", "kind")
	name, _, _ := unstructured.NestedString(want.Object, "roleRef", "name")
	return kind == kindRole && slices.ContainsFunc(steps, func(s step) bool {
		return s.change == Created && s.want.GetKind() == kindRole && s.want.GetName() == name
	})
}

// note counts an object that was applied. The API server decides whether it has changed.
func (r *Result) note(done step, is *unstructured.Unstructured) {
	name := nameOf(done.want)
	// Somebody may have made the object without the label by which it is found.
	existed := done.live != nil || len(managers(is)) > 1
	switch {
	case !existed:
		r.Created = append(r.Created, name)
	case done.live != nil && is.GetResourceVersion() == done.live.GetResourceVersion() && len(done.fields) == 0:
		r.Unchanged++
		return
	default:
		r.Configured = append(r.Configured, name)
		for _, field := range done.fields {
			r.Fields = append(r.Fields, name+" "+field)
		}
	}
	switch {
	case len(r.Configured) > 0:
		r.Outcome = Outcome(Configured)
	case len(r.Created) > 0:
		r.Outcome = Outcome(Created)
	}
}

func failed(namespace, problem string) Result {
	return Result{Namespace: namespace, Outcome: Failed, Problem: problem}
}
