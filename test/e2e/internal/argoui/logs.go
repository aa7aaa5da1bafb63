// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package argoui

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/util"
)

// Logs returns the lines that the panel LOGS of a pod shows for a container, and where
// they come from. The UI goes to the artifacts by itself only for the container main of a
// run that is over, and for every container when the Workflow has been deleted.
func (c *Client) Logs(ctx context.Context, workflow *wfv1.Workflow, node wfv1.NodeStatus, container string) (lines []string, source string, err error) {
	if archivingStatus(workflow) == persisted || container == "main" && node.Fulfilled() && hasArtifact(node, container+"-logs") {
		lines, err = c.artifactLogs(ctx, workflow, node, container)
		return lines, "artifact", err
	}
	lines, err = c.podLogs(ctx, workflow, node, container)
	return lines, "pod", err
}

var errNoArtifact = errors.New("no artifact logs are available")

// artifactLogs also follows the link "logs from the artifacts" below the panel.
func (c *Client) artifactLogs(ctx context.Context, workflow *wfv1.Workflow, node wfv1.NodeStatus, container string) ([]string, error) {
	if !hasArtifact(node, container+"-logs") {
		return nil, errNoArtifact
	}
	text, err := c.Artifact(ctx, workflow, node, container+"-logs")
	return strings.Split(strings.TrimSpace(string(text)), "\n"), err
}

// Artifact downloads an output artifact of a node.
func (c *Client) Artifact(ctx context.Context, workflow *wfv1.Workflow, node wfv1.NodeStatus, name string) ([]byte, error) {
	of := "workflows/" + workflow.Name
	if isArchived(workflow) {
		of = "archived-workflows/" + string(workflow.UID)
	}
	return c.text(ctx, http.MethodGet, "artifact-files/"+workflow.Namespace+"/"+of+"/"+node.ID+"/outputs/"+name, nil)
}

// podLogs asks the cluster. A pod that is gone has no lines, and that is no error.
func (c *Client) podLogs(ctx context.Context, workflow *wfv1.Workflow, node wfv1.NodeStatus, container string) ([]string, error) {
	query := url.Values{"logOptions.container": {container}, "grep": {""}, "logOptions.follow": {"true"}, "podName": {podName(workflow, node)}}
	text, err := c.text(ctx, http.MethodGet, "api/v1/workflows/"+workflow.Namespace+"/"+workflow.Name+"/log?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	var lines []string
	for scanner := bufio.NewScanner(bytes.NewReader(text)); scanner.Scan(); {
		var entry struct{ Result struct{ Content string } }
		if err := json.Unmarshal(scanner.Bytes(), &entry); err != nil {
			return nil, err
		}
		lines = append(lines, entry.Result.Content)
	}
	return lines, nil
}

// podName is the name of the pod of a node.
func podName(workflow *wfv1.Workflow, node wfv1.NodeStatus) string {
	return util.GeneratePodName(workflow.Name, node.Name, node.TemplateName, node.ID, util.GetWorkflowPodNameVersion(workflow))
}

func hasArtifact(node wfv1.NodeStatus, name string) bool {
	return node.Outputs != nil && slices.ContainsFunc(node.Outputs.Artifacts, func(a wfv1.Artifact) bool { return a.Name == name })
}
