// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"context"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// readable are the kinds that people may read who must not read a Secret.
const readable = "configmaps,events,pods,services,statefulsets,deployments,persistentvolumeclaims," +
	"stanzas,cronworkflows,workflows,workflowtemplates,workflowtaskresults"

// noCredentials looks for the credentials of the test in all that is not a
// Secret: objects, logs and artifacts.
func (k *kit) noCredentials(t testing.TB) {
	t.Helper()
	k.plantedInSecrets(t)
	kinds := readable
	if k.inline == "" {
		kinds += ",postgresqls"
	}
	k.clean(t, "the objects of the namespace", kubectl(t, nil, "get", kinds, "-n", k.namespace, "-o", "json"))
	k.clean(t, "the log of the operator", kubectl(t, nil, "logs", "-n", "stanzaflow-system", "deployment/stanzaflow", "--tail=-1"))
	var pods corev1.PodList
	if err := k.List(t.Context(), &pods, client.InNamespace(k.namespace)); err != nil {
		t.Fatal(err)
	}
	for i := range pods.Items {
		k.cleanLogs(t, &pods.Items[i])
	}
}

var artifactKey = regexp.MustCompile(`<Key>(artifacts/[^<]+)</Key>`)

// cleanArtifacts looks into what the runs have left in the store of the S3 test.
func (k *kit) cleanArtifacts(t testing.TB) {
	t.Helper()
	get := func(path string) string {
		return k.run(t, primary, "curl", "--silent", "--show-error", "--fail", "--cacert", cpo.ConfigDir+"/"+storeCA,
			"--aws-sigv4", "aws:amz:zurich:s3", "--user", k.read(t, "versitygw", "ROOT_ACCESS_KEY")+":"+k.read(t, "versitygw", "ROOT_SECRET_KEY"),
			"https://versitygw."+k.namespace+".svc/pgbackups"+path)
	}
	keys := artifactKey.FindAllStringSubmatch(get("?list-type=2&prefix=artifacts/"), -1)
	if len(keys) < 9 {
		t.Errorf("the runs have left %d artifacts, want those of at least three: %v", len(keys), keys)
	}
	for _, key := range keys {
		k.clean(t, "artifact "+key[1], get("/"+key[1]))
	}
}

// cleanLogs looks into the logs of each container of a pod.
func (k *kit) cleanLogs(t testing.TB, pod *corev1.Pod) {
	t.Helper()
	for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		log, err := k.core.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: container.Name}).DoRaw(context.WithoutCancel(t.Context()))
		if err != nil {
			t.Logf("no log of %s (%s): %v", pod.Name, container.Name, err)
			continue
		}
		if len(log) > 0 {
			k.clean(t, "the log of "+pod.Name+" ("+container.Name+")", string(log))
		}
	}
}

// clean fails the test without repeating the credential.
func (k *kit) clean(t testing.TB, where, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("the test is wrong: %s is empty", where)
	}
	for i, credential := range k.planted {
		if at := strings.Index(text, credential); at >= 0 {
			t.Errorf("credential %d of the test is in %s, after: %s", i, where, text[max(0, at-200):at])
		}
	}
}

// plantedInSecrets keeps the search honest: what is looked for is what the
// Secrets hold.
func (k *kit) plantedInSecrets(t testing.TB) {
	t.Helper()
	var secrets corev1.SecretList
	if err := k.List(t.Context(), &secrets, client.InNamespace(k.namespace)); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, credential := range k.planted {
		for _, secret := range secrets.Items {
			for _, value := range secret.Data {
				if strings.Contains(strings.ReplaceAll(string(value), `\n`, ""), credential) || strings.Contains(string(value), credential) {
					found++
				}
			}
		}
	}
	if found == 0 {
		t.Error("the test is wrong: none of its credentials is in a Secret")
	}
}
