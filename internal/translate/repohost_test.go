// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/repohost"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func checkRepoHost(t testing.TB, in translate.Input, plan translate.Plan, hosted []storage.Repository) {
	t.Helper()
	host := hostOf(plan)
	checkConf(t, host.ConfigMap.Data[cpo.ConfigFileName], plan)

	// Names that certificates and DNS can hold.
	commonName, dnsNames := repohost.CertificateNames(in.Cluster)
	if commonName != in.Cluster.Name || len(commonName) > 64 || !slices.IsSorted(dnsNames) {
		t.Errorf("common name %q, names %q", commonName, dnsNames)
	}
	for _, name := range dnsNames {
		if errs := validation.IsDNS1123Subdomain(strings.TrimPrefix(name, "*.")); len(errs) > 0 {
			t.Errorf("name %q of a certificate: %v", name, errs)
		}
	}
	// The certificate of each end holds the name that the other dials.
	pod := host.StatefulSet.Name + "-0." + host.StatefulSet.Spec.ServiceName + "." + in.Cluster.Namespace + ".svc"
	primary := host.Services[1].Name + "." + in.Cluster.Namespace + ".svc"
	if !slices.Contains(dnsNames, "*."+strings.SplitN(pod, ".", 2)[1]) || !slices.Contains(dnsNames, primary) {
		t.Errorf("%s or %s is not in %q", pod, primary, dnsNames)
	}
	if !strings.Contains(host.ConfigMap.Data[cpo.ConfigFileName], "pg1-host="+primary+"\n") {
		t.Errorf("the repo host does not dial %s:\n%s", primary, host.ConfigMap.Data[cpo.ConfigFileName])
	}
	for _, r := range hosted {
		if !strings.Contains(plan.Provision.ConfigMap.Data[cpo.ConfigFileName], r.Name+"-host="+pod+"\n") {
			t.Errorf("the PostgreSQL pods do not dial %s:\n%s", pod, plan.Provision.ConfigMap.Data[cpo.ConfigFileName])
		}
	}
	if host.Services[0].Name != host.StatefulSet.Spec.ServiceName {
		t.Errorf("the StatefulSet is of Service %s", host.StatefulSet.Spec.ServiceName)
	}

	// Names, with the suffixes that Kubernetes adds, are labels of pods.
	if name := host.StatefulSet.Name; len(name) > 52 || len(validation.IsDNS1123Label(name+"-0")) > 0 {
		t.Errorf("name of the StatefulSet: %q", name)
	}
	checkRepoHostPod(t, host, hosted)
}

func checkRepoHostPod(t testing.TB, host *repohost.Host, hosted []storage.Repository) {
	t.Helper()
	pod := host.StatefulSet.Spec.Template
	for _, selector := range []map[string]string{host.StatefulSet.Spec.Selector.MatchLabels, host.Services[0].Spec.Selector} {
		for key, value := range selector {
			if pod.Labels[key] != value {
				t.Errorf("label %s=%s selects, and the pod has %v", key, value, pod.Labels)
			}
		}
	}
	if pod.Labels[cpo.LabelRole] != "" {
		t.Errorf("the repo host is a %s of PostgreSQL", pod.Labels[cpo.LabelRole])
	}
	volumes := map[string]corev1.VolumeSource{}
	for _, v := range pod.Spec.Volumes {
		volumes[v.Name] = v.VolumeSource
		if errs := validation.IsDNS1123Label(v.Name); len(errs) > 0 {
			t.Errorf("volume %q: %v", v.Name, errs)
		}
	}
	paths := map[string]string{}
	container := pod.Spec.Containers[0]
	for _, m := range container.VolumeMounts {
		if _, ok := volumes[m.Name]; !ok || paths[m.MountPath] != "" {
			t.Errorf("mount %s of %s", m.MountPath, m.Name)
		}
		paths[m.MountPath] = m.Name
	}
	if len(host.Claims) != len(hosted) || len(volumes) != len(paths) {
		t.Errorf("%d claims for %d repos, %d volumes for %d mounts", len(host.Claims), len(hosted), len(volumes), len(paths))
	}
	for i, r := range hosted {
		claim := host.Claims[i]
		size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
		volume := volumes[paths["/data/pgbackrest/"+r.Name]]
		if claim.Name != r.Claim || claim.Labels[vocab.LabelRepo] != r.Name || size.Sign() <= 0 ||
			volume.PersistentVolumeClaim == nil || volume.PersistentVolumeClaim.ClaimName != r.Claim {
			t.Errorf("%s has claim %s and volume %v, wants %s", r.Name, encode(t, claim), volume, r.Claim)
		}
		if _, err := metav1.LabelSelectorAsSelector(claim.Spec.Selector); err != nil {
			t.Errorf("selector of %s: %v", claim.Name, err)
		}
	}
	for name, request := range container.Resources.Requests {
		if limit, ok := container.Resources.Limits[name]; ok && request.Cmp(limit) > 0 {
			t.Errorf("%s: %s is asked for, %s is the limit", name, request.String(), limit.String())
		}
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if request := container.Resources.Requests[name]; request.Sign() <= 0 {
			t.Errorf("no %s is asked for", name)
		}
	}
}

// TestRepoHostStaysWhenOptionsChange checks that options do not change the template
// of the pod: that would restart it, and a restart ends a backup.
func TestRepoHostStaysWhenOptionsChange(t *testing.T) {
	t.Parallel()
	in := readCase(t, "testdata/pvc-everything")
	before := encode(t, translate.Translate(in).Provision.RepoHost.StatefulSet)
	in.Cluster.PgBackRest.Global["repo1-retention-full"] = "99"
	in.Cluster.PgBackRest.Global["repo1-cipher-type"] = "aes-256-cbc"
	in.Cluster.PgBackRest.Repos[0].Schedule = nil
	in.Cluster.PgBackRest.Repos[0].Volume.Size = "99Gi"
	in.Stanza.Certificate.Duration = nil
	in.Stanza.Suspend = true
	plan := translate.Translate(in)
	if got := encode(t, plan.Provision.RepoHost.StatefulSet); got != before {
		t.Errorf("the StatefulSet was\n%s\nand is\n%s", before, got)
	}
	if !strings.Contains(plan.Provision.RepoHost.ConfigMap.Data[cpo.ConfigFileName], "repo1-retention-full=99\n") {
		t.Error("the option has not changed")
	}
}

// TestServerScriptIsOfNoCluster checks that the script, which a shell runs, holds
// nothing of a resource.
func TestServerScriptIsOfNoCluster(t *testing.T) {
	t.Parallel()
	script := repohost.ServerScript()
	for _, dir := range caseDirs(t) {
		plan := translate.Translate(readCase(t, dir))
		for _, typed := range plan.Provision.Objects() {
			c, ok := typed.(*corev1.ConfigMap)
			if got := ""; ok && hostOf(plan) != nil {
				if got = c.Data[repohost.ServerScriptName]; got != script {
					t.Errorf("%s: the script in %s is %q", dir, c.Name, got)
				}
			} else if ok && c.Data[repohost.ServerScriptName] != got {
				t.Errorf("%s: %s has a script, and no server", dir, c.Name)
			}
		}
	}
}
