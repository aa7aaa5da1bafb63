// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/argoproj/argo-workflows/v3/workflow/util"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/submit"
)

// TestPodNames: the names by which we read logs are those that Argo gives its pods.
func TestPodNames(t *testing.T) {
	const name = "pgbackrest-orders-repo1-incr-x7k2p"
	for _, node := range []wfv1.NodeStatus{
		{ID: name, Name: name, TemplateName: "backup"},
		{ID: name + "-1", Name: name + "(0)", TemplateName: "backup"},
		{ID: name + "-2", Name: name + ".make(1)", TemplateName: "predeploy-make"},
		{ID: name + "-3", Name: name + ".reuse"},
		{ID: name + "-4", Name: name + ".long", TemplateName: strings.Repeat("x", 300)},
	} {
		for _, version := range []util.PodNameVersion{util.PodNameV1, util.PodNameV2} {
			workflow := &wfv1.Workflow{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{common.AnnotationKeyPodNameVersion: version.String()}}}
			want := util.GeneratePodName(name, node.Name, node.TemplateName, node.ID, version)
			if got := submit.PodName(workflow, node); got != want {
				t.Errorf("%s of node %s is %s, Argo's is %s", version, node.Name, got, want)
			}
		}
	}
}
