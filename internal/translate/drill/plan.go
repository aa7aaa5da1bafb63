// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"maps"
	"slices"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/schedule"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Input is what the drills of a cluster depend on.
type Input struct {
	Cluster cpo.Postgresql
	Stanza  stanzaflowv1alpha1.StanzaSpec
	// StanzaRefused is true if the Stanza has a mistake with which no schedule could run.
	StanzaRefused bool
	// Repos are the names of those that are planned, in the order of the postgresql.
	Repos []string
	// Offsets are by how much later the schedules of each repo fire. A drill that restores
	// from it moves with them.
	Offsets map[string]time.Duration
	// Observed is what the operator has found in the Kubernetes cluster.
	Observed
}

// Observed is what a plan needs of the Kubernetes cluster.
type Observed struct {
	// Source is the StatefulSet of PostgreSQL, nil if there is none.
	Source *Source
	// SourceUnknown: nobody has looked for it yet, or nobody may.
	SourceUnknown bool
	// Image of the operator, which the WorkflowTemplate of the drills has. Empty without a
	// template: no ConfigMap is planned then.
	Image string
	// TemplateVersion is "<uid>.<generation>" of that WorkflowTemplate, empty if unknown.
	TemplateVersion string
	// DatabaseBytes is the size of the database in its newest proven backup, 0 without one.
	DatabaseBytes int64
}

// Planned is what becomes of the drills of a cluster.
type Planned struct {
	// ConfigMap is nil where none is planned.
	ConfigMap *corev1.ConfigMap
	// CronWorkflows, sorted by name.
	CronWorkflows []wfv1.CronWorkflow
	// Kept are the names of CronWorkflows that are not planned and stay.
	Kept []string
	// KeepAll: no name can be trusted, so no CronWorkflow of a drill is removed.
	KeepAll bool
	// KeepConfigMap: an existing ConfigMap stays as it is.
	KeepConfigMap bool
	// Asked: the Stanza asks for drills, on a schedule or by hand.
	Asked bool
	// StorageClass of the volume of a drill, empty for the default.
	StorageClass string
	Problems     problem.List
}

// Asked reports whether a Stanza asks for drills, on a schedule or by hand.
func Asked(stanza stanzaflowv1alpha1.StanzaSpec) bool {
	return len(stanza.Drills) > 0 || stanza.RestorePod != nil
}

// Plan returns the drills of a cluster that has repos.
func Plan(in Input) Planned {
	var planned Planned
	if !Asked(in.Stanza) {
		return planned
	}
	planned.Asked = true
	good := make([]stanzaflowv1alpha1.Drill, 0, len(in.Stanza.Drills))
	for i, d := range in.Stanza.Drills {
		expression, problems := in.check(d, i)
		planned.Problems = append(planned.Problems, problems...)
		name := manifest.DrillName(in.Cluster.Name, d.Name)
		usable := !problems.Refuse() && (d.Repo == "" || slices.Contains(in.Repos, d.Repo))
		switch {
		case !usable || in.StanzaRefused:
			planned.Kept = append(planned.Kept, name)
		case expression != "":
			planned.CronWorkflows = append(planned.CronWorkflows, in.cronWorkflow(d, schedule.Move(expression, in.offset(d))))
		}
		if usable {
			good = append(good, d)
		}
	}
	if in.Cluster.Operation.Encrypted {
		planned.Problems.WarnStanza("spec.drills", vocab.ReasonInvalidDrill, "cannot run: the postgresql sets spec.tde, and a drill has no key to its files; the schedules of the drills are suspended")
	}
	slices.SortFunc(planned.CronWorkflows, func(a, b wfv1.CronWorkflow) int { return strings.Compare(a.Name, b.Name) })
	in.planPod(&planned, good)
	return planned
}

// offset is that of the repo from which a drill restores.
func (in Input) offset(d stanzaflowv1alpha1.Drill) time.Duration {
	if d.Repo == "" && len(in.Repos) > 0 {
		return in.Offsets[in.Repos[0]]
	}
	return in.Offsets[d.Repo]
}

// planPod adds the ConfigMap.
func (in Input) planPod(planned *Planned, good []stanzaflowv1alpha1.Drill) {
	m := in.mounted()
	problems := in.checkPod(m)
	planned.Problems = append(planned.Problems, problems...)
	planned.StorageClass = in.StorageClass()
	if problems.Refuse() || in.SourceUnknown || in.Image == "" || len(in.Repos) == 0 || in.secretRefused() {
		planned.KeepConfigMap = true
		return
	}
	config := in.configMap(m, good)
	for _, text := range config.Data {
		if problem.HoldsExpression(text) {
			planned.KeepConfigMap = true
			planned.Problems.AddStanza("spec.restorePod", vocab.ReasonTemplateExpression, "the pod of PostgreSQL, or a drill, %s", problem.ExpressionMessage)
			return
		}
	}
	planned.ConfigMap = &config
}

// secretRefused reports whether the Secret of the postgresql has no valid name, which is a
// Problem of the postgresql.
func (in Input) secretRefused() bool {
	name := in.Cluster.PgBackRest.Secret
	return name != "" && len(validation.IsDNS1123Subdomain(name)) > 0
}

// configMap describes the pod and the drills. A podSpecPatch cannot be a parameter of a
// CronWorkflow: who starts a drill by hand would have to know it.
func (in Input) configMap(m mounted, drills []stanzaflowv1alpha1.Drill) corev1.ConfigMap {
	number, _ := cpo.RepoNumber(in.Repos[0]) // A repo that is planned has a number.
	size := in.size()
	config := drill.Config{
		Drills: drills, DefaultRepo: number, DataPath: cpo.PGDataPath, BinDir: in.restorePod().BinDir,
		Parameters: in.restorePod().Parameters, VolumeBytes: size.Value(),
	}
	object := manifest.ConfigMap(in.Cluster, manifest.DrillConfigName(in.Cluster.Name), map[string]string{
		vocab.DrillConfigPod: must(in.pod(m)), vocab.DrillConfigDrills: must(config.Encode()),
	})
	object.Labels[labelParameter] = "Parameter"
	return object
}

// labelParameter is Argo's, on the ConfigMaps from which a Workflow may take parameters.
const labelParameter = "workflows.argoproj.io/configmap-type"

// must is for what is made of plain data.
func must(text string, err error) string {
	if err != nil {
		panic(err)
	}
	return text
}

func sortedKeys(all map[string]string) []string { return slices.Sorted(maps.Keys(all)) }
