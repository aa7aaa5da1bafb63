// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// operatorSelector finds the Deployment of the operator, however it is installed.
const operatorSelector = "app.kubernetes.io/name=stanzaflow,app.kubernetes.io/component=manager"

// operator is what is known of the operator that is installed.
type operator struct {
	// release is the tag of its image, empty if unknown.
	release string
	// user is the name of its ServiceAccount, empty if unknown.
	user        string
	provisioner vocab.Provisioner
	// namespaces that it watches, nil for all.
	namespaces []string
	// watchOff: it writes no CronWorkflow of the watch.
	watchOff bool
}

// checkOperator looks at the Deployment of the operator.
func (x *examination) checkOperator(ctx context.Context) {
	const subject = "operator"
	x.operator.provisioner = vocab.ProvisionedByUs
	objects, err := x.from.List(ctx, deployments, "", operatorSelector)
	if err != nil {
		x.notKnown(subject, unreadable(err, "list", deployments, "")+", so its mode is taken to be "+vocab.ModeStandalone)
		return
	}
	all, _ := decodeAll[appsv1.Deployment](objects)
	switch len(all) {
	case 0:
		x.add(subject, Broken, "there is no Deployment with the labels "+operatorSelector+", so nothing makes schedules and nobody notices what is overdue", "install it: docs/install.md#the-operator")
		return
	case 1:
	default:
		var names []string
		for _, d := range all {
			names = append(names, d.Namespace+"/"+d.Name)
		}
		x.add(subject, Warning, "there are several: "+strings.Join(names, ", ")+"; this is about the first one", "make sure that each watches other namespaces (--namespaces)")
	}
	x.checkDeployment(all[0])
}

func (x *examination) checkDeployment(d *appsv1.Deployment) {
	const subject = "operator"
	name := "Deployment " + d.Namespace + "/" + d.Name
	spec := d.Spec.Template.Spec
	x.operator.user = "system:serviceaccount:" + d.Namespace + ":" + spec.ServiceAccountName
	image := ""
	if len(spec.Containers) > 0 {
		image = spec.Containers[0].Image
		x.operator.release = contract.Tag(image)
		x.readFlags(slices.Concat(spec.Containers[0].Command, spec.Containers[0].Args))
	}
	if d.Status.AvailableReplicas == 0 {
		x.add(subject, Broken, name+" has no pod that is ready: schedules run on, and nobody notices what is overdue", fmt.Sprintf("kubectl -n %s describe deployment %s; kubectl -n %s logs deployment/%s", d.Namespace, d.Name, d.Namespace, d.Name))
		return
	}
	mode := vocab.ModeStandalone
	if x.operator.provisioner == vocab.ProvisionedByCPO {
		mode = vocab.ModeAlongside
	}
	x.add(subject, Good, fmt.Sprintf("%s is ready, mode %s, image %s", name, mode, image), "")
	tag := x.operator.release
	if tag == "" || x.Version == "dev" || tag == x.Version {
		return
	}
	x.add(subject+" and this program", Warning, fmt.Sprintf("this program is %s (contracts: template %s, watch %s, policy %s), and the operator's image is %s", x.Version, vocab.TemplateContract, vocab.WatchContract, vocab.PolicyContract, tag), "use the program of the release that is installed")
}

// readFlags reads the flags of the manager that matter here.
func (x *examination) readFlags(arguments []string) {
	for i, argument := range arguments {
		name, value, joined := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		if !joined && i+1 < len(arguments) {
			value = arguments[i+1]
		}
		switch name {
		case "mode":
			if value == vocab.ModeAlongside {
				x.operator.provisioner = vocab.ProvisionedByCPO
			}
		case "namespaces":
			if value != "" {
				x.operator.namespaces = strings.Split(value, ",")
			}
		case "watch-interval":
			interval, err := time.ParseDuration(value)
			x.operator.watchOff = err == nil && interval == 0 || value == "0"
		}
	}
}

// checkRights asks whether the operator has the rights without which it cannot work.
func (x *examination) checkRights(ctx context.Context) {
	const subject = "rights of the operator"
	if x.operator.user == "" {
		x.notKnown(subject, "the ServiceAccount of the operator is not known")
		return
	}
	namespaces := x.operator.namespaces
	if namespaces == nil {
		namespaces = []string{""}
	}
	var missing []string
	asked := 0
	for _, namespace := range namespaces {
		for _, right := range []Right{
			{Verb: "watch", Of: postgresqls},
			{Verb: "watch", Of: stanzas},
			{Verb: "update", Of: stanzas, Subresource: "status"},
			{Verb: "patch", Of: cronWorkflows},
			{Verb: "create", Of: workflows},
			{Verb: "watch", Of: workflows},
			{Verb: "watch", Of: templates},
		} {
			right.User, right.Namespace = x.operator.user, namespace
			ok, err := x.from.May(ctx, right)
			if err != nil {
				x.notKnown(subject, "cannot ask for the rights of others: "+err.Error())
				return
			}
			asked++
			if !ok {
				missing = append(missing, right.text())
			}
		}
	}
	if len(missing) > 0 {
		x.add(subject, Broken, x.operator.user+" may not "+strings.Join(missing, ", "), "install the rights of the operator's release: deploy/modes, docs/security.md#who-may-do-what")
		return
	}
	x.add(subject, Good, fmt.Sprintf("%s has all %d that were asked for", x.operator.user, asked), "")
}

// text is a right in words.
func (r Right) text() string {
	text := r.Verb + " " + resourceName(r.Of)
	if r.Subresource != "" {
		text += "/" + r.Subresource
	}
	if r.Namespace != "" {
		text += " in namespace " + r.Namespace
	}
	return text
}
