//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// startAlongside starts an API server with CPO's kinds, where the operator has the
// rights of overlays/alongside and no others.
func startAlongside(t *testing.T) *world {
	t.Helper()
	s := startBareServer(t, argoCRDs(t, "minimal")...)
	s.installCPO(t)
	s.grant(t, "alongside")
	return s.world(t)
}

// operatorConfiguration returns an OperatorConfiguration that sets the key of a label.
func operatorConfiguration(name, clusterNameLabel string) *unstructured.Unstructured {
	o := object.New(cpo.OperatorConfigurationKind)
	o.SetName(name)
	o.Object["configuration"] = map[string]any{"kubernetes": map[string]any{"cluster_name_label": clusterNameLabel}}
	return o
}

// TestOperatorConfiguration checks that the manager reads the labels where CPO has
// them, and touches nothing while it is not known which CPO is meant.
func TestOperatorConfiguration(t *testing.T) {
	w := startAlongside(t)
	w.create(reconciletest.Template(w.namespace))
	w.create(reconciletest.Postgresql(w.T, w.namespace))
	first := operatorConfiguration("first", "cluster-name")
	w.create(first)
	stop := w.startManagerWith(Options{Namespace: operatorNamespace, Provisioner: vocab.ProvisionedByCPO})
	w.eventuallyLabels("cluster-name")
	if c := w.stanza().Status.Configuration; c.Provisioner != string(vocab.ProvisionedByCPO) || c.Primary != "" {
		t.Errorf("the configuration is %s", reconciletest.JSON(c))
	}
	before := w.everything()

	second := operatorConfiguration("second", "name")
	w.create(second)
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonOperatorConfigurationUnknown)
	w.eventuallyEvent(vocab.ReasonOperatorConfigurationUnknown, "")
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonOperatorConfigurationUnknown)
	for _, part := range []string{w.namespace + "/first", w.namespace + "/second", "--operator-configuration=NAMESPACE/NAME"} {
		if !strings.Contains(c.Message, part) {
			t.Errorf("Programmed does not say %q: %s", part, c.Message)
		}
	}
	for id, is := range w.everything() {
		if id != "Stanza shop" && is != before[id] {
			t.Errorf("%s was changed:\n%s\n%s", id, before[id], is)
		}
	}
	w.eventuallyLabels("cluster-name")

	w.delete(first)
	w.eventuallyLabels("name")
	w.patch(second, "user", `{"configuration": {"kubernetes": {"cluster_name_label": ""}}}`)
	eventually(t, func() error {
		if c := w.stanza().Status.Configuration; c == nil || c.Labels != nil {
			return fmt.Errorf("the configuration is %s", reconciletest.JSON(c))
		}
		return nil
	})
	stop()

	// One is named, and there is none of that name at first.
	stop = w.startManagerWith(Options{Namespace: operatorNamespace, Provisioner: vocab.ProvisionedByCPO, OperatorConfiguration: w.namespace + "/third"})
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonOperatorConfigurationUnknown)
	w.create(operatorConfiguration("third", "third-name"))
	w.eventuallyLabels("third-name")
	stop()
}

// TestOperatorConfigurationForbidden checks that the operator does not start on a
// guess.
func TestOperatorConfigurationForbidden(t *testing.T) {
	s := startBareServer(t)
	s.installCPO(t)
	options := Options{Namespace: operatorNamespace, Provisioner: vocab.ProvisionedByCPO}
	mgr, err := ctrl.NewManager(s.counted(), ctrl.Options{
		Scheme: s.scheme, NewCache: NewCache, Cache: CacheOptions(options), Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: new(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := s.worldIn(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "db-"}})
	err = New(mgr, w.clock, options).Setup(t.Context(), mgr)
	if err == nil || !strings.Contains(err.Error(), "cannot list the OperatorConfigurations of CPO") || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("it starts, or says: %v", err)
	}
}

// eventuallyLabels waits until the Stanza declares a key of the label with the name of
// the cluster.
func (w *world) eventuallyLabels(clusterName string) {
	w.Helper()
	eventually(w.T, func() error {
		stanza := &stanzaflowv1alpha1.Stanza{}
		if err := w.client.Get(w.Context(), w.key(reconciletest.Cluster), stanza); err != nil {
			return err
		}
		if c := stanza.Status.Configuration; c == nil || c.Labels == nil || c.Labels.ClusterName != clusterName || c.Labels.Role != cpo.LabelRole {
			return fmt.Errorf("want the label %s, the configuration is %s", clusterName, reconciletest.JSON(c))
		}
		return nil
	})
}
