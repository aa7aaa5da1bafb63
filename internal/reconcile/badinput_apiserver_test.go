//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// outcomeOfBad is what must happen to a bad resource.
type outcomeOfBad int

const (
	// named: Accepted is False and names the field; the objects in force stay.
	named outcomeOfBad = iota
	// ignored: the field does not concern us, and the other changes take effect.
	ignored
	// refused: the API server rejects the resource and names the field.
	refused
	// notProgrammed: the API server rejects what we plan from it, and the Stanza
	// says so; the objects in force stay.
	notProgrammed
)

// badCase is a resource with one wrong field. It replaces a good one that is in
// force, unless it is fresh.
type badCase struct {
	name   string
	expect outcomeOfBad
	hosted bool
	fresh  bool
	// field as kubectl explain has it, below spec.backup.pgbackrest unless it
	// starts with spec or metadata. Of a Stanza it is always below spec.
	field string
	value any
	// text is expected in the message, instead of the field.
	text string
}

// leaked is in every value that must not be repeated.
const leaked = "hunter2"

// TestBadInput writes bad resources without any schema, while the manager runs.
// Beside CPO, CPO's definition is installed, and nothing of ours validates the
// resources.
func TestBadInput(t *testing.T) {
	w := startWorld(t)
	w.acceptAnything()
	w.create(reconciletest.Template(w.namespace))
	stop := w.startManager()

	seed := badSeed(t)
	t.Logf("seed %d: STANZAFLOW_BADINPUT_SEED=%d makes the same resources again", seed, seed)
	postgresqls := slices.Concat(badPostgresqls(), generatedPostgresqls(seed))
	stanzas := slices.Concat(badStanzas(), generatedStanzas(seed))
	if n := len(postgresqls) + len(stanzas); n < 300 {
		t.Errorf("%d bad resources, want at least 300", n)
	}

	var trials []*trial
	for i, c := range postgresqls {
		trials = append(trials, &trial{world: w, badCase: c, cluster: fmt.Sprintf("p%03d", i)})
	}
	for i, c := range stanzas {
		trials = append(trials, &trial{world: w, badCase: c, cluster: fmt.Sprintf("s%03d", i), ofStanza: true})
	}
	inParallel(trials, (*trial).begin)
	inParallel(trials, (*trial).ready)
	inParallel(trials, (*trial).spoil)
	inParallel(trials, (*trial).check)

	// Names of the greatest length, and longer ones, which cannot be labels of pods.
	for _, length := range []int{52, 53, 63, 64, 253} {
		postgresql := reconciletest.Hosted(t, w.namespace)
		postgresql.SetName(strings.Repeat("x", length))
		w.create(postgresql)
	}
	for _, length := range []int{52, 53, 63} {
		eventually(t, func() error {
			return w.condition(strings.Repeat("x", length), vocab.ConditionReady, "Unknown", "has no proven backup")
		})
	}
	for _, length := range []int{64, 253} {
		eventually(t, func() error {
			return w.condition(strings.Repeat("x", length), vocab.ConditionAccepted, "False", "ield metadata.name ")
		})
	}

	// A cluster that comes after all of them is served.
	canary := reconciletest.Postgresql(t, w.namespace)
	w.create(canary)
	w.eventually(vocab.ConditionReady, vocab.ReasonNoBackupYet)
	stop()
	if n := panics(t); n > 0 {
		t.Errorf("%g passes have panicked", n)
	}
	w.wantNothingLeaked()
}

// trial is one bad resource, and the objects that existed before it.
type trial struct {
	*world
	badCase
	cluster  string
	ofStanza bool
	good     *unstructured.Unstructured
	before   map[string]string
}

// inParallel does something with every trial. It collects errors, so that a failed
// trial does not hide the others.
func inParallel(trials []*trial, do func(*trial) error) {
	var group sync.WaitGroup
	next := make(chan *trial)
	for range 8 {
		group.Go(func() {
			for one := range next {
				if err := do(one); err != nil {
					one.Errorf("%s %q (%s): %v", one.cluster, one.name, one.field, err)
				}
			}
		})
	}
	for _, one := range trials {
		next <- one
	}
	close(next)
	group.Wait()
}

// begin writes the good resource.
func (c *trial) begin() error {
	c.good = reconciletest.Postgresql(c.T, c.namespace)
	if c.hosted {
		c.good = reconciletest.Hosted(c.T, c.namespace)
	}
	reconciletest.Rename(c.good, c.cluster)
	if c.fresh {
		return nil
	}
	return c.client.Create(c.Context(), c.good)
}

// ready waits until it is in force.
func (c *trial) ready() error {
	if c.fresh {
		return nil
	}
	if err := apiservertest.Poll(func() error {
		return c.condition(c.cluster, vocab.ConditionReady, "Unknown", "has no proven backup")
	}); err != nil {
		return err
	}
	before, err := c.inForce()
	c.before = before
	return err
}

// spoil writes the bad resource.
func (c *trial) spoil() error {
	bad := c.good.DeepCopy()
	if c.expect == ignored && !c.ofStanza {
		reconciletest.Repo1(bad)["schedule"].(map[string]any)[cpo.Incr] = marker
	}
	if c.ofStanza {
		return c.spoilStanza(c.field)
	}
	setPath(bad.Object, fullPath(c.field), c.value)
	if c.fresh {
		return c.client.Create(c.Context(), bad)
	}
	return c.client.Update(c.Context(), bad)
}

// marker is a schedule that shows that a resource has been read.
const marker = "7 * * * *"

func (c *trial) spoilStanza(path string) error {
	patch := map[string]any{}
	setPath(patch, path, c.value)
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	stanza := object.New(object.Stanza)
	stanza.SetNamespace(c.namespace)
	stanza.SetName(c.cluster)
	err = c.client.Patch(c.Context(), stanza, client.RawPatch(types.MergePatchType, body), client.FieldOwner("user"))
	if c.expect != refused {
		return err
	}
	if err == nil {
		return fmt.Errorf("the API server takes it")
	}
	if want := cmp.Or(c.text, path); !strings.Contains(err.Error(), want) {
		return fmt.Errorf("the API server does not name %s: %.300s", want, err.Error())
	}
	return nil
}

// check compares what happened to the resource with what should.
func (c *trial) check() error {
	text := c.text
	if text == "" {
		text = "ield " + fullPath(c.field) + " "
	}
	err := apiservertest.Poll(func() error {
		switch c.expect {
		case named:
			return c.condition(c.cluster, vocab.ConditionAccepted, "False", text)
		case notProgrammed:
			return c.condition(c.cluster, vocab.ConditionProgrammed, "False", text)
		case refused:
			return c.condition(c.cluster, vocab.ConditionAccepted, "True", "")
		case ignored:
		}
		if incr := c.find(object.CronWorkflow, "pgbackrest-"+c.cluster+"-repo1-incr"); incr == nil || schedule.Text(incr) != marker {
			return fmt.Errorf("it has not been read, or it stops what is good: %s", c.conditions())
		}
		return c.condition(c.cluster, vocab.ConditionAccepted, "True", "")
	})
	if err != nil || c.fresh {
		return err
	}
	after, err := c.inForce()
	if err != nil {
		return err
	}
	if c.expect == ignored { // What else it said is in force.
		delete(c.before, "CronWorkflow pgbackrest-"+c.cluster+"-repo1-incr")
		delete(c.before, "ConfigMap "+cpo.ConfigMapName(c.cluster))
	}
	for name, was := range c.before {
		if is, ok := after[name]; !ok || is != was {
			return fmt.Errorf("%s was\n%s\nand is\n%s", name, was, is)
		}
	}
	return nil
}

// inForce returns the objects that a cluster needs.
func (c *trial) inForce() (map[string]string, error) {
	objects := map[string]string{}
	for _, kind := range append(object.Watched(""), object.CronWorkflow) {
		if kind == object.Certificate { // Not installed.
			continue
		}
		list := object.NewList(kind)
		if err := c.client.List(c.Context(), list, client.InNamespace(c.namespace), client.MatchingLabels{vocab.LabelCluster: c.cluster, vocab.LabelManagedBy: vocab.ManagedBy}); err != nil {
			return nil, err
		}
		for i := range list.Items {
			o := &list.Items[i]
			objects[object.ID(o)] = reconciletest.JSON([]any{o.GetUID(), o.Object["spec"], o.Object["data"]})
		}
	}
	if len(objects) < 3 {
		return nil, fmt.Errorf("only %v of the cluster are there", slices.Collect(maps.Keys(objects)))
	}
	return objects, nil
}

// condition fails unless a condition of a Stanza has a text in its message.
func (w *world) condition(cluster, kind, status, text string) error {
	stanza := &stanzaflowv1alpha1.Stanza{}
	if err := w.client.Get(w.Context(), w.key(cluster), stanza); err != nil {
		return err
	}
	c := meta.FindStatusCondition(stanza.Status.Conditions, kind)
	if c == nil || string(c.Status) != status || !strings.Contains(c.Message, text) {
		return fmt.Errorf("want %s=%s with %q, conditions are %s", kind, status, text, reconciletest.JSON(stanza.Status.Conditions))
	}
	return nil
}

func (c *trial) conditions() string {
	stanza := &stanzaflowv1alpha1.Stanza{}
	if err := c.client.Get(c.Context(), c.key(c.cluster), stanza); err != nil {
		return err.Error()
	}
	return reconciletest.JSON(stanza.Status.Conditions)
}

// acceptAnything takes the schema from the definition of postgresql.
func (w *world) acceptAnything() {
	w.Helper()
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := w.client.Get(w.Context(), types.NamespacedName{Name: "postgresqls." + cpo.GroupVersionKind.Group}, crd); err != nil {
		w.Fatal(err)
	}
	crd.Spec.Versions[0].Schema.OpenAPIV3Schema = &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: new(true)}
	w.update(crd)
	eventually(w.T, func() error {
		probe := object.New(cpo.GroupVersionKind)
		probe.SetNamespace(w.namespace)
		probe.SetName("probe")
		probe.Object["spec"] = "no object"
		return w.client.Create(w.Context(), probe, client.DryRunAll)
	})
}

// wantNothingLeaked searches everything that many people may read.
func (w *world) wantNothingLeaked() {
	w.Helper()
	for _, list := range []client.ObjectList{
		&stanzaflowv1alpha1.StanzaList{}, &eventsv1.EventList{}, &corev1.ConfigMapList{}, object.NewList(object.CronWorkflow), object.NewList(object.StatefulSet),
	} {
		if err := w.client.List(w.Context(), list, client.InNamespace(w.namespace)); err != nil {
			w.Fatal(err)
		}
		if meta.LenList(list) == 0 {
			w.Errorf("there is no %T to look into", list)
		}
		if text := reconciletest.JSON(list); strings.Contains(text, leaked) {
			place := strings.Index(text, leaked)
			w.Errorf("a %T repeats a credential: …%s", list, text[max(0, place-300):place+20])
		}
	}
}

// panics returns how many panics controller-runtime has caught.
func panics(t *testing.T) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "controller_runtime_reconcile_panics_total" {
			continue
		}
		sum := 0.0
		for _, metric := range family.GetMetric() {
			sum += metric.GetCounter().GetValue()
		}
		return sum
	}
	t.Fatal("nobody counts the panics")
	return 0
}

var pathPart = regexp.MustCompile(`^([^\[]*)((?:\[[0-9]+\])*)$`)

// setPath sets a field such as spec.repos[0].name. It creates missing objects and
// lists.
func setPath(o map[string]any, path string, value any) {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		match := pathPart.FindStringSubmatch(part)
		name, index := match[1], -1
		if match[2] != "" {
			index, _ = strconv.Atoi(strings.Trim(match[2], "[]"))
		}
		last := i == len(parts)-1
		switch {
		case last && index < 0:
			o[name] = value
		case last:
			o[name].([]any)[index] = value
		case index >= 0:
			o = o[name].([]any)[index].(map[string]any)
		default:
			next, ok := o[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				o[name] = next
			}
			o = next
		}
	}
}
