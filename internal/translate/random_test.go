// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func newRandom(t testing.TB) *rand.Rand {
	t.Helper()
	const seed = 20261122
	return rand.New(rand.NewPCG(seed, uint64(len(t.Name()))))
}

// goodInput is a cluster without mistakes.
func goodInput() translate.Input {
	return translate.Input{Provisioner: vocab.ProvisionedByUs, Cluster: cpo.Postgresql{
		Namespace: "cpo", Name: "cluster",
		PgBackRest: &cpo.PgBackRest{
			Image:  "registry.example.com/pgbackrest:17",
			Secret: "cluster-s3-credential",
			Global: map[string]string{"repo1-path": "/cluster/repo1", "repo1-retention-full": "7"},
			Repos: []cpo.Repo{{
				Name: "repo1", Storage: cpo.StorageS3, Resource: "bucket", Endpoint: "s3.example.com", Region: "zurich",
				Schedule: map[string]string{cpo.Full: "30 2 * * *", cpo.Incr: "*/30 * * * *"},
			}},
		},
	}}
}

// randomWindow sets the window in some of the places where it can be.
func randomWindow(random *rand.Rand, pick func(string, ...string) string, in *translate.Input) {
	in.Window.Default = time.Duration(random.IntN(300)) * time.Minute
	if random.IntN(3) == 0 {
		in.Window.Template = new(pick("90m", "soon", "-1m", "90s", "{{x}}"))
	}
	if random.IntN(3) == 0 {
		window := []time.Duration{0, time.Minute, 90 * time.Minute, 24 * time.Hour}[random.IntN(4)]
		if pick("", "x") != "" {
			window = -time.Minute
		}
		in.Stanza.Window = &metav1.Duration{Duration: window}
	}
}

// randomInput is a cluster of up to four repos, with a mistake here and there.
func randomInput(random *rand.Rand) translate.Input {
	odds := []int{12, 100}[random.IntN(2)]
	pick := func(good string, bad ...string) string {
		if random.IntN(odds) == 0 {
			return bad[random.IntN(len(bad))]
		}
		return good
	}
	schedules := []string{"30 2 * * *", "*/30 * * * *", "0 0,23 * * 0", "@daily", "15 */6 1,15 * *", "* * * * *", "0 3 * * 1-5"}
	in := goodInput()
	in.Cluster.Name = pick(strings.Repeat("pg", 1+random.IntN(25)), "", strings.Repeat("x", 70), "{{x}}", "a_b")
	in.Stanza = stanzaflowv1alpha1.StanzaSpec{
		TimeZone:         pick("Europe/Vienna", "", "Europe/Wien", "Local", "{{x}}"),
		WorkflowTemplate: pick("", "compact", "Not a name"),
		Gate:             pick("", "lastFull == nil", "lastFull"),
		Suspend:          random.IntN(4) == 0,
		Runs: stanzaflowv1alpha1.RunForms{
			Full: stanzaflowv1alpha1.RunForm(pick("pod", "", "dag", "steps", "{{x}}")),
			Incr: stanzaflowv1alpha1.RunForm(pick("dag", "", "pod", "backup-dag")),
		},
	}
	section := in.Cluster.PgBackRest
	section.Secret = pick("secret", "", "Not a name", "{{x}}")
	section.Image = pick("registry.example.com/pgbackrest:17", "", "a b", "{{x}}", "https://u:"+secretMark+"@h")
	randomWindow(random, pick, &in)
	randomHost(random, pick, &in)
	section.Repos = nil
	for _, i := range random.Perm(4)[:1+random.IntN(4)] {
		number := i + 1
		repo := randomRepo(random, pick, number)
		for _, backupType := range cpo.BackupTypes {
			repo.Schedule[backupType] = pick(schedules[random.IntN(len(schedules))], "", "0 0 31 2 *", "{{x}}", "1 2 3 4 5 6", "@every 1h", "TZ=UTC 1 2 * * *")
		}
		if random.IntN(12) == 0 {
			repo.Schedule["incremental"] = "0 1 * * *"
			delete(repo.Schedule, cpo.Incr)
		}
		section.Repos = append(section.Repos, repo)
		option := fmt.Sprintf("repo%d-path", number)
		if repo.Storage == cpo.StoragePVC { // its path is ours
			option = fmt.Sprintf("repo%d-retention-full", number)
		}
		section.Global[pick(option, "repo3-s3-region", "repo1-s3-key", "NO\nOPTION", "pg1-path", "tls-server-auth", "repo2-host", "repo-path", "lock-path")] = pick("/x", "", "{{x}}", "a\nb")
		section.Global[fmt.Sprintf("repo%d-cipher-type", number)] = pick([]string{"none", "aes-256-cbc"}[random.IntN(2)], "aes", "{{x}}", "https://u:"+secretMark+"@h")
		in.Known = append(in.Known, stanzaflowv1alpha1.RepoStatus{
			Name: repo.Name, Storage: repo.Storage, Cipher: []string{"", "none", "none", "aes-256-cbc", "mixed"}[random.IntN(5)],
			Location: repo.Storage + "://" + map[bool]string{false: bucketOf(number) + "/x", true: manifest.ClaimName(in.Cluster.Name, repo.Name) + "/"}[repo.Storage == cpo.StoragePVC],
		})
	}
	if len(section.Repos) > 0 && random.IntN(12) == 0 {
		broken := random.IntN(len(section.Repos))
		in.FieldErrors = append(in.FieldErrors, cpo.FieldError{
			Field:   fmt.Sprintf("spec.backup.pgbackrest.repos[%d].schedule.%s", broken, cpo.Incr),
			Message: "must be a string",
		})
		delete(section.Repos[broken].Schedule, cpo.Incr)
	}
	return in
}

// randomRepo is a repo of any storage.
func randomRepo(random *rand.Rand, pick func(string, ...string) string, number int) cpo.Repo {
	repo := cpo.Repo{Name: pick(fmt.Sprintf("repo%d", number), "", "repo5", "repo1"), Schedule: map[string]string{}}
	storages := storage.Names()
	repo.Storage = pick(storages[random.IntN(len(storages))], "", "blob")
	if repo.Storage == cpo.StoragePVC {
		repo.Volume = &cpo.Volume{
			Size: pick("15Gi", "", "0", "-1Gi", "1e999999999", "15 GB"), StorageClass: pick("", "fast", "Not a name"),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"disk": pick("backup", "not a value")}},
		}
		repo.Region = pick("", "zurich", "{{x}}")
		return repo
	}
	repo.Resource, repo.Endpoint = pick(bucketOf(number), "bucket", "", "{{x}}", "a\nb"), pick("s3.example.com", "", "https://a:b@c")
	repo.KeyType = pick("", "auto", "shared", "token", "AUTO")
	switch repo.Storage {
	case cpo.StorageAzure:
		repo.Account, repo.Key = pick("account", "", "a\nb"), pick([]string{"", secretMark}[random.IntN(2)], secretMark+"\nrepo1-path=/", "{{"+secretMark)
	case cpo.StorageGCS:
		repo.Key = pick("gcs.json", "", "/"+secretMark, `{"key":"`+secretMark+`"}`, "gcs.conf", "..")
	default:
		repo.Region, repo.Key = pick("zurich", "", " x"), pick("", secretMark)
	}
	return repo
}

// bucketOf is a bucket of each repo: two repos cannot have one location.
func bucketOf(number int) string { return fmt.Sprintf("bucket-%d", number) }

// secretMark is in every credential of a random input.
const secretMark = "hunter2"

// randomHost is what the repo host is made of.
func randomHost(random *rand.Rand, pick func(string, ...string) string, in *translate.Input) {
	in.Cluster.Scheduling = cpo.Scheduling{
		Tolerations:       []corev1.Toleration{{Key: "dedicated", TolerationSeconds: new(int64(60))}},
		PriorityClassName: pick("", "database"),
		NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "disk", Operator: "Exists"}}}},
		}},
	}
	quantities := func() corev1.ResourceList {
		list := corev1.ResourceList{}
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			if random.IntN(2) == 0 {
				list[name] = resource.MustParse([]string{"50m", "2", "50Mi", "2Gi"}[random.IntN(4)])
			}
		}
		return list
	}
	in.Cluster.PgBackRest.Resources = corev1.ResourceRequirements{Requests: quantities(), Limits: quantities()}
	if random.IntN(4) == 0 {
		in.Stanza.Certificate.IssuerRef = &stanzaflowv1alpha1.IssuerReference{
			Name: pick("company", "", "Not a name"), Kind: pick("", "ClusterIssuer", "issuer"), Group: pick("", "example.com", "{{x}}"),
		}
	}
	if random.IntN(8) == 0 {
		in.Stanza.Certificate.Duration = &metav1.Duration{Duration: []time.Duration{0, -time.Hour, time.Minute, 30 * time.Minute, 24 * time.Hour}[random.IntN(5)]}
	}
	if random.IntN(16) == 0 {
		in.FieldErrors = append(in.FieldErrors, cpo.FieldError{Field: "spec.tolerations[1]", Message: "must be an object"})
	}
}

// rebuild returns an equal map that was filled in another order.
func rebuild(random *rand.Rand, old map[string]string) map[string]string {
	if old == nil {
		return nil
	}
	keys := slices.Collect(maps.Keys(old))
	random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	filled := map[string]string{}
	for _, key := range keys {
		filled[key] = old[key]
	}
	return filled
}

// encode shows every byte of a value. HTML escapes would hide a credential.
func encode(t testing.TB, value any) string {
	t.Helper()
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
