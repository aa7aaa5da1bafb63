// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"cmp"
	"context"
	"strconv"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/contract"
)

// fixCaps creates the ConfigMap with all keys of the component.
const fixCaps = "kubectl apply -f deploy/argo/caps.yaml; docs/fleet.md#caps"

// checkCaps looks whether each cap of a template has its number of slots.
func (x *examination) checkCaps(ctx context.Context, namespace string, template *wfv1.WorkflowTemplate) {
	for _, one := range contract.Caps(template) {
		where := cmp.Or(one.Namespace, namespace)
		subject := "cap " + cmp.Or(one.Key, "of each run") + " of " + where + "/" + one.Name
		configMap, err := x.from.Get(ctx, configMaps, where, one.Name)
		switch {
		case apierrors.IsNotFound(err):
			x.add(subject, Broken, "the ConfigMap does not exist, so Argo fails every run, or lets it wait", fixCaps)
			continue
		case err != nil:
			x.notKnown(subject, unreadable(err, "get", configMaps, where))
			continue
		case one.Key == "":
			x.add(subject, Good, "the ConfigMap exists; only a run knows the key", "")
			continue
		}
		text, _, _ := unstructured.NestedString(configMap.Object, "data", one.Key)
		if slots, err := strconv.Atoi(text); err != nil || slots < 1 {
			x.add(subject, Broken, "the key has no number of slots, 1 or more, so Argo fails every run, or lets it wait", fixCaps)
			continue
		}
		x.add(subject, Good, text+" slots", "")
	}
}
