// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"io/fs"
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

// sampleWorld is the cluster of a folder of samples, with the files that a real CPO
// has written, and the Secret.
func sampleWorld(t *testing.T, folder, name string) *runtest.World {
	t.Helper()
	var object map[string]any
	cpotest.Decode(t, folder+"/postgresql-"+name+".yaml", &object)
	w := runtest.New(t)
	w.Cluster, _ = cpo.Decode(object)
	w.Files[cpo.ContainerRepoHost] = map[string]string{}
	w.BesideCPO()
	files := func(configMap string) map[string]string {
		found := map[string]string{}
		var made corev1.ConfigMap
		cpotest.Decode(t, folder+"/configmap-"+configMap+".yaml", &made)
		found[cpo.ConfigFileName] = made.Data[cpo.ConfigFileName]
		if _, err := fs.Stat(cpotest.Samples(), folder+"/manifest-secret.yaml"); err == nil {
			var secret corev1.Secret
			cpotest.Decode(t, folder+"/manifest-secret.yaml", &secret)
			maps.Copy(found, secret.StringData)
		}
		return found
	}
	w.Files[cpo.ContainerPostgreSQL] = files(cpo.ConfigMapName(name))
	pod := runtest.Primary(runtest.PrimaryPod)
	pod.Namespace, pod.Labels[cpo.LabelCluster] = folder, name
	w.PodObjects = []corev1.Pod{pod}
	if _, err := fs.Stat(cpotest.Samples(), folder+"/configmap-"+cpo.RepoHostConfigMapName(name)+".yaml"); err == nil {
		w.Files[cpo.ContainerRepoHost] = files(cpo.RepoHostConfigMapName(name))
		host := runtest.RepoHost(runtest.RepoHostPod)
		host.Namespace, host.Labels[cpo.LabelCluster] = folder, name
		w.PodObjects = append(w.PodObjects, host)
	}
	w.Cipher = pgbackrest.CipherNone
	if kind := w.Cluster.PgBackRest.Global["repo1-cipher-type"]; kind != "" {
		w.Cipher = kind
	}
	return w
}

// TestPrecheckOfSamples: nothing that a real CPO writes is taken for a mistake.
func TestPrecheckOfSamples(t *testing.T) {
	const long = "a-cluster-with-a-name-of-forty-characters"
	for folder, name := range map[string]string{
		"s3": "cluster", "azure": "cluster", "gcs": "cluster", "encrypted": "cluster", "longname": long,
		"pvc": "cluster", "monitor": "cluster", "tworepos": "cluster", "twopvc": "cluster",
	} {
		t.Run(folder, func(t *testing.T) {
			w := sampleWorld(t, folder, name)
			p := newPod(w)
			p.parameters.Namespace, p.parameters.Cluster, p.parameters.Trigger = folder, name, "manual"
			p.mustRun("begin", "precheck")
			if len(w.Issued("grep places")) == 0 || len(w.Issued("sha256sum")) > 0 {
				t.Errorf("the files were not compared by their options")
			}
		})
	}
}
