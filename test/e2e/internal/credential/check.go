// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"context"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

// readable are the kinds that people may read who must not read a Secret.
const readable = "configmaps,events,pods,services,statefulsets,deployments,persistentvolumeclaims," +
	"stanzas,cronworkflows,workflows,workflowtemplates,workflowtaskresults"

// CheckNamespace searches for the credentials in everything that is not a Secret:
// objects and logs.
func (s *Set) CheckNamespace(t testing.TB) {
	t.Helper()
	s.checkPlanted(t)
	kinds := readable
	if s.Inline == "" {
		kinds += ",postgresqls"
	}
	s.check(t, "the objects of the namespace", program.Kubectl(t, "get", kinds, "-n", s.kit.Namespace, "-o", "json"))
	s.check(t, "the log of the operator", program.Kubectl(t, "logs", "-n", kit.System, "deployment/stanzaflow", "--tail=-1"))
	var pods corev1.PodList
	s.kit.List(t, &pods)
	for i := range pods.Items {
		s.CheckLogs(t, &pods.Items[i])
	}
}

var artifactKey = regexp.MustCompile(`<Key>(artifacts/[^<]+)</Key>`)

// CheckArtifacts searches what the runs have left in the store of the S3 test.
func (s *Set) CheckArtifacts(t testing.TB) {
	t.Helper()
	get := func(path string) string {
		return s.kit.Exec(t, kit.Primary, "curl", "--silent", "--show-error", "--fail", "--cacert", cpo.ConfigDir+"/"+CAFile,
			"--aws-sigv4", "aws:amz:zurich:s3", "--user", s.kit.ReadSecret(t, "versitygw", "ROOT_ACCESS_KEY")+":"+s.kit.ReadSecret(t, "versitygw", "ROOT_SECRET_KEY"),
			"https://versitygw."+s.kit.Namespace+".svc/pgbackups"+path)
	}
	keys := artifactKey.FindAllStringSubmatch(get("?list-type=2&prefix=artifacts/"), -1)
	if len(keys) < 9 {
		t.Errorf("the runs have left %d artifacts, want those of at least three: %v", len(keys), keys)
	}
	for _, key := range keys {
		s.check(t, "artifact "+key[1], get("/"+key[1]))
	}
}

// CheckLogs searches the logs of each container of a pod.
func (s *Set) CheckLogs(t testing.TB, pod *corev1.Pod) {
	t.Helper()
	for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		log, err := s.kit.Core.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: container.Name}).DoRaw(context.WithoutCancel(t.Context()))
		if err != nil {
			t.Logf("no log of %s (%s): %v", pod.Name, container.Name, err)
			continue
		}
		if len(log) > 0 {
			s.check(t, "the log of "+pod.Name+" ("+container.Name+")", string(log))
		}
	}
}

// check fails the test without repeating the credential.
func (s *Set) check(t testing.TB, where, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("the test is wrong: %s is empty", where)
	}
	for i, credential := range s.planted {
		if at := strings.Index(text, credential); at >= 0 {
			t.Errorf("credential %d of the test is in %s, after: %s", i, where, text[max(0, at-200):at])
		}
	}
}

// checkPlanted keeps the search honest: the Secrets hold what it looks for.
func (s *Set) checkPlanted(t testing.TB) {
	t.Helper()
	var secrets corev1.SecretList
	s.kit.List(t, &secrets)
	found := 0
	for _, credential := range s.planted {
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
