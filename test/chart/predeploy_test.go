// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
)

// TestPredeployHook renders the example of docs/pre-deploy.md: before an upgrade, and only
// then, Helm makes a ServiceAccount that the policy limits, then its rights, then a Job
// that is not repeated.
func TestPredeployHook(t *testing.T) {
	t.Parallel()
	c, err := loader.Load(filepath.Join(root, "examples/pre-deploy/helm"))
	if err != nil {
		t.Fatal(err)
	}
	release := strings.Repeat("a", 40)
	options := common.ReleaseOptions{Name: release, Namespace: "shop", Revision: 7, IsUpgrade: true}
	values, err := util.ToRenderValues(c, object{}, options, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Engine{Strict: true}.Render(c, values)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]object{}
	for _, text := range files {
		collect(t, found, []byte(text))
	}
	account := release + "-pgbackrest-submitter"
	hook := func(weight string) object {
		return object{"helm.sh/hook": "pre-upgrade", "helm.sh/hook-weight": weight, "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}
	}
	got := map[string]any{}
	for id, o := range found {
		got[id] = get(o, "metadata", "annotations")
	}
	job := "Job shop/" + release + "-predeploy"
	if diff := cmp.Diff(map[string]any{
		"ConfigMap shop/" + release: nil, "ServiceAccount shop/" + account: hook("-20"),
		"RoleBinding cpo/" + account: hook("-20"), job: hook("-10"),
	}, got); diff != "" {
		t.Fatalf("objects and their hooks (-want +got):\n%s", diff)
	}
	pod := get(found[job], "spec", "template", "spec").(object)
	if get(found[job], "spec", "backoffLimit") != 0.0 || pod["restartPolicy"] != "Never" || pod["serviceAccountName"] != account {
		t.Errorf("the Job is %v", found[job]["spec"])
	}
	if command := containers(found[job])[0]["command"].([]any); command[1] != "predeploy" || command[6] != "--restore-point="+release[:30]+"-7" {
		t.Errorf("the Job runs %v", command)
	}
}
