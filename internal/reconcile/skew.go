// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/fieldpath"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/status"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// installed reads the policies and the CRD.
type installed interface {
	// readPolicy returns a policy and its binding of the same name.
	readPolicy(ctx context.Context, name string) (*admissionregistrationv1.ValidatingAdmissionPolicy, *admissionregistrationv1.ValidatingAdmissionPolicyBinding, error)
	// readSchema returns the OpenAPI document of the API group of Stanza.
	readSchema(ctx context.Context) ([]byte, error)
}

// lookForSkew reads the policies of the mode and the CRD. An object that it may not read is a
// finding too: nobody should take it for fitting. An error is one that may pass.
func lookForSkew(ctx context.Context, from installed, by vocab.Provisioner) (status.Skew, error) {
	var found comparison
	policyErr, schemaErr := found.comparePolicies(ctx, from, vocab.Policies(by)), found.compareCRD(ctx, from)
	return found.Skew, errors.Join(policyErr, schemaErr)
}

// comparison collects what one look finds.
type comparison struct{ status.Skew }

func (s *comparison) comparePolicies(ctx context.Context, from installed, policies []string) error {
	var others, missing []string
	for _, name := range policies {
		policy, binding, err := from.readPolicy(ctx, name)
		switch {
		case apierrors.IsForbidden(err):
			s.note(vocab.ReasonSkewUnknown, "it is unknown whether the admission policies belong to the operator's release: it may not read them")
			return nil
		case apierrors.IsNotFound(err), meta.IsNoMatchError(err), err == nil && !denies(binding, name):
			missing = append(missing, name)
		case err != nil:
			return fmt.Errorf("cannot read ValidatingAdmissionPolicy %s: %w", name, err)
		default:
			if contract := policy.Labels[vocab.LabelPolicyContract]; contract != vocab.PolicyContract {
				others = append(others, name+" ("+cmp.Or(contract, "none")+")")
			}
		}
	}
	if len(others) > 0 {
		s.Wrong = append(s.Wrong, status.Finding{Reason: vocab.ReasonPolicyMismatch, Message: fmt.Sprintf(
			"the operator needs admission policies with %s=%s and finds %s, which may refuse what it writes and what a run does; install those of the operator's release",
			vocab.LabelPolicyContract, vocab.PolicyContract, strings.Join(others, ", "))})
	}
	if len(missing) > 0 {
		s.note(vocab.ReasonPolicyMissing, "backups work, but the tokens of the operator and of the runs can do more than they need: these admission policies are not in force: "+
			strings.Join(missing, ", ")+"; install each of them with its binding")
	}
	return nil
}

func (s *comparison) note(reason vocab.Reason, message string) {
	s.Notes = append(s.Notes, status.Finding{Reason: reason, Message: message})
}

// denies reports whether a binding puts a policy into force.
func denies(binding *admissionregistrationv1.ValidatingAdmissionPolicyBinding, policy string) bool {
	return binding != nil && binding.Spec.PolicyName == policy && slices.Contains(binding.Spec.ValidationActions, admissionregistrationv1.Deny)
}

// compareCRD compares the fields that the API server keeps with those that we
// write and read. The API server silently drops all others, and the status is our
// memory.
func (s *comparison) compareCRD(ctx context.Context, from installed) error {
	document, err := from.readSchema(ctx)
	if apierrors.IsForbidden(err) {
		s.note(vocab.ReasonSkewUnknown, "it is unknown whether the CRD of Stanza belongs to the operator's release: it may not read the OpenAPI document")
		return nil
	}
	if err == nil {
		var lost []string
		if lost, err = fieldpath.Lost(document, fieldpath.StanzaSchema, stanzaflowv1alpha1.Stanza{}); err == nil && len(lost) > 0 {
			s.Wrong = append(s.Wrong, status.Finding{
				Reason:  vocab.ReasonCRDOutdated,
				Message: "the CRD of Stanza is older than the operator, and the API server drops " + strings.Join(lost, ", ") + "; install the CRD of the operator's release",
			})
		}
	}
	if err != nil {
		return fmt.Errorf("cannot read the schema of Stanza: %w", err)
	}
	return nil
}

// apiServer reads them from the API server.
type apiServer struct {
	live client.Reader
	// document returns the OpenAPI document of a path.
	document func(ctx context.Context, path string) ([]byte, error)
}

func (a apiServer) readPolicy(ctx context.Context, name string) (*admissionregistrationv1.ValidatingAdmissionPolicy, *admissionregistrationv1.ValidatingAdmissionPolicyBinding, error) {
	policy, binding := &admissionregistrationv1.ValidatingAdmissionPolicy{}, &admissionregistrationv1.ValidatingAdmissionPolicyBinding{}
	key := client.ObjectKey{Name: name}
	if err := a.live.Get(ctx, key, policy); err != nil {
		return nil, nil, err
	}
	return policy, binding, a.live.Get(ctx, key, binding)
}

func (a apiServer) readSchema(ctx context.Context) ([]byte, error) {
	return a.document(ctx, "/openapi/v3/apis/"+stanzaflowv1alpha1.GroupVersion.String())
}
