// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"fmt"
	"hash/fnv"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

const (
	// annotationPodNames says how Argo names the pods of a Workflow.
	annotationPodNames = "workflows.argoproj.io/pod-name-format"
	podNamesByID       = "v1"
	// maxPodPrefix leaves room for the hash.
	maxPodPrefix = 242
)

// PodName returns the name of the pod of a node. The status of a Workflow does not have
// it, and to look for it by its labels would need the right to list pods.
func PodName(workflow *wfv1.Workflow, node wfv1.NodeStatus) string {
	switch {
	case workflow.Annotations[annotationPodNames] == podNamesByID:
		return node.ID
	case node.Name == workflow.Name:
		return workflow.Name
	}
	prefix := workflow.Name
	if node.TemplateName != "" {
		prefix += "-" + node.TemplateName
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(node.Name)) // fnv never fails
	return fmt.Sprintf("%s-%d", prefix[:min(len(prefix), maxPodPrefix)], hash.Sum32())
}
