// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/version"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/fieldpath"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	// oldestKubernetes has ValidatingAdmissionPolicies of v1.
	oldestKubernetes = "1.30"
	// clockSkew is how much two clocks may differ: what the operator tolerates.
	clockSkew = 30 * time.Second

	fixRequirements = "see docs/install.md#requirements"
	fixUpgrade      = "upgrade CRDs, policies and operator, then the WorkflowTemplates: docs/install.md#upgrade"
)

// checkKubernetes looks at the API server and its clock.
func (x *examination) checkKubernetes(ctx context.Context) {
	const subject = "Kubernetes"
	body, at, err := x.from.Raw(ctx, "/version")
	here := x.Now()
	if err != nil {
		x.add(subject, Broken, "the API server does not answer: "+err.Error(), "check --kubeconfig and --context, and the network")
		return
	}
	var info struct {
		GitVersion string `json:"gitVersion"`
	}
	_ = json.Unmarshal(body, &info) // Without a version the next lines say so.
	switch served, err := version.ParseGeneric(info.GitVersion); {
	case err != nil:
		x.notKnown(subject, "the API server does not say its version")
	case !served.AtLeast(version.MustParseGeneric(oldestKubernetes)):
		x.add(subject, Broken, info.GitVersion+" is older than "+oldestKubernetes+", so it has no admission policies", fixRequirements)
	default:
		x.add(subject, Good, info.GitVersion, "")
	}
	x.checkClock(at, here)
}

func (x *examination) checkClock(there, here time.Time) {
	const subject = "clock"
	off := here.Sub(there).Abs()
	switch {
	case there.IsZero():
		x.notKnown(subject, "the API server does not say what time it is")
	case off > clockSkew:
		x.add(subject, Warning, fmt.Sprintf("the clock here and that of the API server differ by %s, and so do the ages that these commands print", off.Round(time.Second)),
			"set the clock that is wrong, by NTP; with another clock in the cluster backups are overdue too early or too late, and certificates do not hold")
	default:
		x.add(subject, Good, fmt.Sprintf("that of the API server and the one here differ by at most %s", clockSkew), "")
	}
}

// checkKinds looks whether the kinds are served that backups are made of.
func (x *examination) checkKinds(ctx context.Context) {
	for _, group := range []struct {
		version schema.GroupVersion
		kinds   []string
		verdict Verdict
		fix     string
	}{
		{stanzaflowv1alpha1.GroupVersion, []string{"stanzas"}, Broken, "install the CRD of the operator's release: kubectl apply --server-side --field-manager=stanzaflow-install -f deploy/crds/stanzaflow.dev_stanzas.yaml"},
		{postgresqls.GroupVersion(), []string{"postgresqls"}, Broken, "install CPO, or in mode standalone our CRD: docs/install.md#the-operator"},
		{workflows.GroupVersion(), []string{"cronworkflows", "workflows", "workflowtemplates"}, Broken, "install Argo Workflows: " + fixRequirements},
	} {
		x.checkGroup(ctx, group.version, group.kinds, group.fix)
	}
	x.checkCRD(ctx)
}

func (x *examination) checkGroup(ctx context.Context, group schema.GroupVersion, kinds []string, fix string) {
	subject := "kinds of " + group.Group
	body, _, err := x.from.Raw(ctx, "/apis/"+group.String())
	if err != nil && !apierrors.IsNotFound(err) {
		x.notKnown(subject, "cannot read what the API server serves: "+err.Error())
		return
	}
	var served struct {
		Resources []struct {
			Name string `json:"name"`
		} `json:"resources"`
	}
	_ = json.Unmarshal(body, &served) // What is not in it is missing.
	var missing []string
	for _, kind := range kinds {
		if !slices.ContainsFunc(served.Resources, func(r struct {
			Name string `json:"name"`
		},
		) bool {
			return r.Name == kind
		}) {
			missing = append(missing, kind)
		}
	}
	if len(missing) > 0 {
		x.add(subject, Broken, "the API server does not serve "+strings.Join(missing, ", ")+" of "+group.String(), fix)
		return
	}
	x.add(subject, Good, "served: "+strings.Join(kinds, ", "), "")
}

// checkCRD compares the fields that the API server keeps with those of this program.
func (x *examination) checkCRD(ctx context.Context) {
	const subject = "CRD of Stanza"
	document, _, err := x.from.Raw(ctx, "/openapi/v3/apis/"+stanzaflowv1alpha1.GroupVersion.String())
	if err != nil {
		x.notKnown(subject, "cannot read its schema: "+err.Error())
		return
	}
	switch lost, err := fieldpath.Lost(document, fieldpath.StanzaSchema, stanzaflowv1alpha1.Stanza{}); {
	case err != nil:
		x.notKnown(subject, "cannot read its schema: "+err.Error())
	case len(lost) > 0:
		x.add(subject, Broken, "it is older than this program, and the API server drops "+strings.Join(lost, ", "), fixUpgrade)
	default:
		x.add(subject, Good, "has every field of this program", "")
	}
}

// checkPolicies looks whether the admission policies are in force and of the contract.
func (x *examination) checkPolicies(ctx context.Context) {
	const subject = "admission policies"
	var missing, others []string
	names := vocab.Policies(x.operator.provisioner)
	for _, name := range names {
		object, err := x.from.Get(ctx, policies, "", name)
		if apierrors.IsNotFound(err) {
			missing = append(missing, name)
			continue
		}
		bound, bindingErr := x.from.Get(ctx, policyBindings, "", name)
		if err = cmp.Or(err, ignoreNotFound(bindingErr)); err != nil {
			x.notKnown(subject, unreadable(err, "get", policies, ""))
			return
		}
		if contract := object.GetLabels()[vocab.LabelPolicyContract]; contract != vocab.PolicyContract {
			others = append(others, name+" ("+cmp.Or(contract, "none")+")")
		}
		binding := admissionregistrationv1.ValidatingAdmissionPolicyBinding{}
		if bindingErr == nil {
			binding, _ = decode[admissionregistrationv1.ValidatingAdmissionPolicyBinding](bound) // One that cannot be read denies nothing.
		}
		if binding.Spec.PolicyName != name || !slices.Contains(binding.Spec.ValidationActions, admissionregistrationv1.Deny) {
			missing = append(missing, name+" (no binding denies)")
		}
	}
	if len(others) > 0 {
		x.add(subject, Broken, fmt.Sprintf("not of the contract %s, so they may refuse what runs do: %s", vocab.PolicyContract, strings.Join(others, ", ")), fixUpgrade)
	}
	if len(missing) > 0 {
		x.add(subject, Warning, "not in force, so a stolen token can do more than it needs: "+strings.Join(missing, ", "), "install the policies of the operator's release with their bindings: docs/conditions.md#programmed")
	}
	if len(others)+len(missing) == 0 {
		x.add(subject, Good, fmt.Sprintf("%d are in force, of the contract %s", len(names), vocab.PolicyContract), "")
	}
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
