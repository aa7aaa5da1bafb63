// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checkNamespaces looks at each namespace with a cluster.
func (x *examination) checkNamespaces(ctx context.Context) {
	var err error
	if x.stanzas, err = Stanzas(ctx, x.from, x.Namespace); err != nil {
		x.notKnown("namespaces", err.Error())
		return
	}
	needed, drilled := map[string][]string{}, map[string]bool{}
	for _, s := range x.stanzas {
		if s.Spec.Managed == nil || *s.Spec.Managed {
			needed[s.Namespace] = append(needed[s.Namespace], workflow.TemplateName(s.Spec))
			drilled[s.Namespace] = drilled[s.Namespace] || len(s.Spec.Drills) > 0 || s.Spec.RestorePod != nil
		}
	}
	if len(needed) == 0 {
		x.add("namespaces", Warning, "there is no Stanza, so no cluster has backups", "a postgresql with spec.backup.pgbackrest gets one from the operator; a Stanza is missing while the operator does not run or does not watch its namespace")
		return
	}
	names := make([]string, 0, len(needed))
	for namespace := range needed {
		names = append(names, namespace)
	}
	slices.Sort(names)
	for _, namespace := range names {
		if x.operator.namespaces != nil && !slices.Contains(x.operator.namespaces, namespace) {
			x.add("namespace "+namespace, Broken, "it has Stanzas, and the operator does not watch it", "add it to the flag --namespaces of the operator")
		}
		templates := slices.Sorted(slices.Values(needed[namespace]))
		for _, name := range slices.Compact(templates) {
			x.checkTemplate(ctx, namespace, name, vocab.TemplateContract)
		}
		if drilled[namespace] {
			x.checkTemplate(ctx, namespace, vocab.DrillTemplate, vocab.DrillContract)
		}
		x.checkWatch(ctx, namespace)
	}
}

func (x *examination) install(namespace string) string {
	if x.operator.provisioner == vocab.ProvisionedByCPO {
		return "kubectl apply -k deploy/overlays/alongside-workflows/ -n " + namespace
	}
	return "kubectl apply -k workflows/ -n " + namespace
}

// checkTemplate looks at a WorkflowTemplate, its contract and its ServiceAccount.
func (x *examination) checkTemplate(ctx context.Context, namespace, name, wanted string) {
	subject := "WorkflowTemplate " + namespace + "/" + name
	object, err := x.from.Get(ctx, templates, namespace, name)
	switch {
	case apierrors.IsNotFound(err) && !notServed(err):
		x.add(subject, Broken, "it does not exist, so nothing can start", x.install(namespace))
		return
	case err != nil:
		x.notKnown(subject, unreadable(err, "get", templates, namespace))
		return
	}
	template, err := decode[wfv1.WorkflowTemplate](object)
	if err != nil {
		x.add(subject, Broken, err.Error(), x.install(namespace))
		return
	}
	if found := template.Labels[vocab.LabelContract]; found != wanted {
		x.add(subject, Broken, fmt.Sprintf("it has the contract %s, and %s is needed", cmp.Or(found, "(none)"), wanted), x.install(namespace))
		return
	}
	if sentence := broken(&template, wanted); sentence != "" {
		x.add(subject, Broken, "it "+sentence, x.install(namespace))
		return
	}
	x.checkRunner(ctx, subject, namespace, template.Spec.ServiceAccountName, wanted)
	if wanted == vocab.TemplateContract {
		x.checkCaps(ctx, namespace, &template)
	}
	x.compareRelease(subject, namespace, &template)
}

// compareRelease looks whether the steps of a template are of the release of the operator.
// With the same contract another one works, and lacks what the release has corrected.
func (x *examination) compareRelease(subject, namespace string, template *wfv1.WorkflowTemplate) {
	image, age := contract.OtherRelease(template, x.operator.release)
	switch age {
	case contract.SameOrUnknown:
	case contract.Older:
		x.add(subject, Warning, "its image "+image+" is of an older release than the operator, "+x.operator.release+": it works, and lacks what that has corrected",
			"kubectl stanzaflow templates apply -n "+namespace+", of the release "+x.operator.release+"; or as you have installed it")
	case contract.Newer:
		x.add(subject, Warning, "its image "+image+" is of a newer release than the operator, "+x.operator.release+": it works", fixUpgrade)
	}
}

// broken says how a template breaks its contract, empty if it does not.
func broken(template *wfv1.WorkflowTemplate, of string) string {
	check, sentence := contract.Check, contract.Sentence
	switch of {
	case vocab.WatchContract:
		check, sentence = contract.CheckWatch, contract.WatchSentence
	case vocab.DrillContract:
		check, sentence = contract.CheckDrill, contract.DrillSentence
	}
	if findings := check(template); len(findings) > 0 {
		return sentence(findings)
	}
	return ""
}

// checkRunner looks at the ServiceAccount of the pods and its rights.
func (x *examination) checkRunner(ctx context.Context, subject, namespace, account, contract string) {
	if account == "" || strings.Contains(account, "{{") {
		x.add(subject, Good, "contract "+contract, "")
		return
	}
	_, err := x.from.Get(ctx, accounts, namespace, account)
	if apierrors.IsNotFound(err) {
		x.add(subject, Broken, "it names ServiceAccount "+account+", which does not exist, so no pod of a run starts", x.install(namespace))
		return
	}
	var missing []string
	unknown := ""
	for _, right := range []Right{
		{Verb: "get", Of: postgresqls},
		{Verb: "list", Of: pods},
		{Verb: "create", Of: pods, Subresource: "exec"},
		{Verb: "create", Of: workflowTaskResults},
		{Verb: "patch", Of: workflowTaskResults},
	} {
		right.User, right.Namespace = "system:serviceaccount:"+namespace+":"+account, namespace
		switch ok, mayErr := x.from.May(ctx, right); {
		case mayErr != nil:
			unknown = "; whether its ServiceAccount has its rights is not known, because you may not ask"
		case !ok:
			missing = append(missing, right.text())
		}
	}
	switch {
	case len(missing) > 0:
		x.add(subject, Broken, "its ServiceAccount "+account+" may not "+strings.Join(missing, ", "), x.install(namespace))
	case err != nil:
		x.add(subject, Good, "contract "+contract+"; whether its ServiceAccount "+account+" exists is not known, because you may not look", "")
	default:
		x.add(subject, Good, "contract "+contract+", ServiceAccount "+account+unknown, "")
	}
}

// staleWatch is how old the newest watch may be with the longest interval, an hour.
const staleWatch = 3*time.Hour + time.Minute

// checkWatch looks whether WAL is observed between the runs.
func (x *examination) checkWatch(ctx context.Context, namespace string) {
	subject := "watch in " + namespace
	if x.operator.watchOff {
		x.add(subject, Warning, "it is off, so WAL that does not arrive between two runs is noticed by the next run", "give the operator a --watch-interval")
		return
	}
	x.checkTemplate(ctx, namespace, vocab.WatchTemplate, vocab.WatchContract)
	object, err := x.from.Get(ctx, cronWorkflows, namespace, vocab.WatchTemplate)
	switch {
	case apierrors.IsNotFound(err) && !notServed(err):
		x.add(subject, Broken, "there is no CronWorkflow "+vocab.WatchTemplate+", so nobody sees WAL that does not arrive", "the operator writes it: look at its log")
		return
	case err != nil:
		x.notKnown(subject, unreadable(err, "get", cronWorkflows, namespace))
		return
	}
	if cron, err := decode[wfv1.CronWorkflow](object); err == nil && cron.Spec.Suspend {
		x.add(subject, Broken, "CronWorkflow "+vocab.WatchTemplate+" is suspended, so nobody sees WAL that does not arrive",
			fmt.Sprintf(`kubectl -n %s patch cronworkflow %s --type=merge -p '{"spec":{"suspend":false}}'`, namespace, vocab.WatchTemplate))
		return
	}
	x.checkNewestWatch(ctx, subject, namespace)
}

func (x *examination) checkNewestWatch(ctx context.Context, subject, namespace string) {
	objects, err := x.from.List(ctx, workflows, namespace, vocab.LabelKind+"="+string(vocab.RunWatch))
	if err != nil {
		x.notKnown(subject, unreadable(err, "list", workflows, namespace))
		return
	}
	all, _ := decodeAll[wfv1.Workflow](objects)
	newestFirst(all)
	i := slices.IndexFunc(all, func(w *wfv1.Workflow) bool { return !outcome.Running(w) })
	if i < 0 {
		x.add(subject, Warning, "no watch has ended yet, or Argo has deleted its Workflow", "wait for one interval; if none comes, look at Argo's controller")
		return
	}
	w, now := all[i], x.Now()
	switch age := now.Sub(w.Status.FinishedAt.Time); {
	case w.Status.Phase != wfv1.WorkflowSucceeded:
		x.add(subject, Broken, fmt.Sprintf("the newest one, Workflow %s, %s %s: %s", w.Name, strings.ToLower(string(w.Status.Phase)), ago(w.Status.FinishedAt.Time, now), w.Status.Message), fmt.Sprintf("kubectl stanzaflow logs %s -n %s", w.Name, namespace))
	case age > staleWatch:
		x.add(subject, Broken, "the newest one ended "+ago(w.Status.FinishedAt.Time, now), "look at Argo's controller: does it fire CronWorkflow "+vocab.WatchTemplate+"?")
	default:
		x.add(subject, Good, "the newest one ended "+ago(w.Status.FinishedAt.Time, now), "")
	}
}
