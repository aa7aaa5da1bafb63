// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	controllerSelector = "app=workflow-controller"
	controllerConfig   = "workflow-controller-configmap"
	fixArgo            = "see docs/install.md#settings-of-argo"
	fixArchive         = "see deploy/argo/archive.yaml and docs/argo-archive.md"
)

// oldestArgo are the first releases that remember who holds a lock, by their major
// version.
var oldestArgo = map[uint]string{3: "3.7.15", 4: "4.0.6"}

// checkArgo looks at Argo's controller and its settings.
func (x *examination) checkArgo(ctx context.Context) {
	const subject = "Argo's controller"
	objects, err := x.from.List(ctx, pods, "", controllerSelector)
	if err != nil {
		x.notKnown(subject, unreadable(err, "list", pods, "")+" in all namespaces")
		return
	}
	all, _ := decodeAll[corev1.Pod](objects)
	if len(all) == 0 {
		x.add(subject, Broken, "there is no pod with the label "+controllerSelector+", so no schedule fires and no run continues", "install or start Argo Workflows: "+fixRequirements)
		return
	}
	for _, pod := range all {
		x.checkController(ctx, pod)
	}
}

func (x *examination) checkController(ctx context.Context, pod *corev1.Pod) {
	subject := "Argo's controller in " + pod.Namespace
	if len(pod.Spec.Containers) == 0 {
		return
	}
	container := pod.Spec.Containers[0]
	ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
	if !ready {
		x.add(subject, Broken, "pod "+pod.Name+" is not ready, so no schedule fires and no run continues", fmt.Sprintf("kubectl -n %s describe pod %s", pod.Namespace, pod.Name))
	}
	x.checkRelease(subject, contract.Tag(container.Image))
	config := controllerConfig
	arguments := slices.Concat(container.Command, container.Args)
	for i, argument := range arguments {
		name, value, joined := strings.Cut(argument, "=")
		if !joined && i+1 < len(arguments) {
			value = arguments[i+1]
		}
		switch name {
		case "--namespaced":
			x.onlyNamespace(subject, pod.Namespace, arguments)
		case "--configmap":
			config = value
		}
	}
	x.checkSettings(ctx, pod.Namespace, config)
}

func (x *examination) checkRelease(subject, tag string) {
	release, err := version.ParseGeneric(strings.TrimPrefix(tag, "v"))
	if err != nil {
		x.notKnown(subject, "its image does not say its release: "+tag)
		return
	}
	oldest, known := oldestArgo[release.Major()]
	switch {
	case !known && release.Major() > 4:
		x.notKnown(subject, tag+" is newer than what we test")
	case !known || !release.AtLeast(version.MustParseGeneric(oldest)):
		x.add(subject, Broken, tag+" forgets at a restart which run holds the lock of a cluster, so two backups could overlap", fixRequirements)
	default:
		x.add(subject, Good, tag, "")
	}
}

// onlyNamespace is about a controller that watches one namespace.
func (x *examination) onlyNamespace(subject, own string, arguments []string) {
	watched := own
	for i, argument := range arguments {
		if name, value, joined := strings.Cut(argument, "="); name == "--managed-namespace" {
			if !joined && i+1 < len(arguments) {
				value = arguments[i+1]
			}
			watched = value
		}
	}
	x.add(subject, Warning, "it runs with --namespaced, so it runs nothing outside of namespace "+watched+" and reports no error", fixArgo)
}

// settings is what we read of Argo's ConfigMap.
type settings struct {
	InstanceID           string `json:"instanceID"`
	WorkflowRestrictions struct {
		TemplateReferencing string `json:"templateReferencing"`
	} `json:"workflowRestrictions"`
	Persistence *struct {
		Archive              bool                  `json:"archive"`
		NodeStatusOffLoad    bool                  `json:"nodeStatusOffLoad"`
		ArchiveLabelSelector *metav1.LabelSelector `json:"archiveLabelSelector"`
	} `json:"persistence"`
}

func (x *examination) checkSettings(ctx context.Context, namespace, name string) {
	subject := "Argo's settings in " + namespace
	object, err := x.from.Get(ctx, configMaps, namespace, name)
	switch {
	case apierrors.IsNotFound(err):
		x.add(subject, Good, "there is no ConfigMap "+name+", so all are Argo's defaults", "")
		return
	case err != nil:
		x.notKnown(subject, unreadable(err, "get", configMaps, namespace))
		return
	}
	configMap, err := decode[corev1.ConfigMap](object)
	if err != nil {
		x.notKnown(subject, err.Error())
		return
	}
	found, err := readSettings(configMap.Data)
	if err != nil {
		x.notKnown(subject, "ConfigMap "+name+" cannot be read: "+err.Error())
		return
	}
	x.judgeSettings(subject, found)
}

// readSettings reads the keys of the ConfigMap, or the key config with everything in it.
func readSettings(data map[string]string) (settings, error) {
	var text strings.Builder
	if config, ok := data["config"]; ok {
		text.WriteString(config)
	} else {
		for _, key := range []string{"instanceID", "workflowRestrictions", "persistence"} {
			if value, ok := data[key]; ok {
				fmt.Fprintf(&text, "%s:\n  %s\n", key, strings.ReplaceAll(strings.TrimSpace(value), "\n", "\n  "))
			}
		}
	}
	var found settings
	err := yaml.Unmarshal([]byte(text.String()), &found)
	return found, err
}

func (x *examination) judgeSettings(subject string, found settings) {
	before := len(x.checks)
	if found.InstanceID != "" {
		x.add(subject, Broken, "instanceID is set, so this controller leaves our CronWorkflows alone: they have no such label", fixArgo)
	}
	if found.WorkflowRestrictions.TemplateReferencing == "Secure" {
		x.add(subject, Warning, "templateReferencing is Secure, so a running backup fails when its template changes", "set Strict: "+fixArgo)
	}
	if p := found.Persistence; p != nil {
		if p.NodeStatusOffLoad {
			x.add(subject, Warning, "nodeStatusOffLoad is on, so a running backup needs Argo's database, and what the database holds of a run is not seen here", fixArchive)
		}
		if p.Archive && archivesWatch(p.ArchiveLabelSelector) {
			x.add(subject, Warning, "the archive also takes each run of the watch, hundreds a day for each namespace", fixArchive)
		}
	}
	if len(x.checks) == before {
		x.add(subject, Good, "nothing that backups do not work with", "")
	}
}

// archivesWatch reports whether a selector takes the runs of the watch.
func archivesWatch(selector *metav1.LabelSelector) bool {
	if selector == nil {
		return true
	}
	takes, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && takes.Matches(labels.Set{vocab.LabelCluster: "", vocab.LabelKind: string(vocab.RunWatch)})
}
