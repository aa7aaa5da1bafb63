//go:build pgbackrest

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var (
	count = flag.Int("maps", 1000, "How many maps of options TestGlobal tries.")
	seed  = flag.Uint64("seed", 0, "The seed of TestGlobal.")
)

// TestGlobal: whatever stands in global, pgBackRest accepts the configuration that
// is planned, unless a warning says that it needs a newer release.
func TestGlobal(t *testing.T) {
	newest := programs[len(programs)-1]
	t.Logf("seed %d: repeat with -seed=%d -maps=%d", *seed, *seed, *count)
	var clean atomic.Int64
	const workers = 4
	for worker := range workers {
		t.Run(fmt.Sprint("worker ", worker), func(t *testing.T) {
			t.Parallel()
			at := newPlace(t)
			random := rand.New(rand.NewPCG(*seed, uint64(worker)))
			for tried := 0; tried < *count/workers; {
				in := randomInput(random)
				plan := translate.Translate(in)
				if plan.Provision == nil || needsNewer(plan.Problems, newest.release) {
					continue
				}
				tried++
				if len(plan.Problems.Mistakes()) == 0 {
					clean.Add(1)
				}
				checkPlan(t, newest, at, in, plan)
				if t.Failed() {
					return
				}
			}
		})
	}
	t.Cleanup(func() {
		t.Logf("%d of %d maps have no mistake", clean.Load(), *count)
		if clean.Load() < int64(*count/10) {
			t.Error("too few to prove anything")
		}
	})
}

func needsNewer(problems problem.List, release string) bool {
	return slices.ContainsFunc(problems.Warnings(), func(p problem.Problem) bool {
		if p.Reason != vocab.ReasonNewerRelease {
			return false
		}
		_, after, _ := strings.Cut(p.Message, "needs pgBackRest ")
		needed, _, _ := strings.Cut(after, " ")
		return later(needed, release)
	})
}

func checkPlan(t *testing.T, p program, at place, in translate.Input, plan translate.Plan) {
	t.Helper()
	files := map[string]string{"archive-push": plan.Provision.ConfigMap.Data[cpo.ConfigFileName]}
	files["backup"] = files["archive-push"]
	if host := plan.Provision.RepoHost; host != nil {
		files["backup"] = host.ConfigMap.Data[cpo.ConfigFileName]
	}
	for command, conf := range files {
		conf += secret(at, conf)
		if says := p.verdict(t, at, command, conf); says != "" {
			t.Errorf("pgBackRest %s %s refuses the plan of global %q, repos %+v:\n%s\nProblems: %v\n%s",
				p.release, command, in.Cluster.PgBackRest.Global, in.Cluster.PgBackRest.Repos, says, plan.Problems, conf)
		}
	}
}

// secret is the file that a user puts into the Secret beside a configuration.
func secret(at place, conf string) string {
	set := map[string]string{}
	for line := range strings.Lines(conf) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			set[key] = value
		}
	}
	text := "[global]\nlock-path=" + at.lockPath() + "\n"
	for _, missing := range option.SetOf(set).Missing() {
		if missing.InSecret {
			text += missing.Name.String() + "=a2V5\n"
		}
	}
	return text
}

func randomInput(random *rand.Rand) translate.Input {
	p := &cpo.PgBackRest{Image: "pgbackrest", Secret: "secret", Global: map[string]string{}}
	for number := range 1 + random.IntN(2) {
		p.Repos = append(p.Repos, randomRepo(random, number+1))
	}
	if r := &p.Repos[0]; r.Storage == cpo.StorageS3 && random.IntN(4) == 0 {
		p.Global[r.Name+"-s3-bucket"], r.Resource = r.Resource, ""
	}
	for range random.IntN(7) {
		key, value := randomOption(random)
		p.Global[key] = value
	}
	return translate.Input{
		Provisioner: vocab.ProvisionedByUs,
		Cluster:     cpo.Postgresql{Namespace: "shop", Name: "orders", PgBackRest: p},
	}
}

func randomRepo(random *rand.Rand, number int) cpo.Repo {
	names := storage.Names()
	repo := cpo.Repo{Name: cpo.RepoName(number), Storage: names[random.IntN(len(names))], Resource: mostly(random, "bucket", "a.b", "cp{-x", "a b", "A_b")}
	repo.Endpoint = mostly(random, "s3.example.com", "https://s3.example.com:9000", "http://s3", "s3:x", "a/b")
	switch repo.Storage {
	case cpo.StoragePVC:
		repo = cpo.Repo{Name: repo.Name, Storage: repo.Storage, Volume: &cpo.Volume{Size: "1Gi"}}
	case cpo.StorageS3:
		repo.Region, repo.KeyType = "zurich", mostly(random, "", "shared", "auto", "web-id", "pod-id")
	case cpo.StorageAzure:
		repo.Account, repo.KeyType = mostly(random, "account", "a b"), mostly(random, "", "shared", "sas", "auto")
	case cpo.StorageGCS:
		repo.Key, repo.KeyType = "gcs.json", pick(random, "", "service")
	}
	return repo
}

// mostly returns the first value, and sometimes one of the others.
func mostly(random *rand.Rand, good string, others ...string) string {
	if random.IntN(8) > 0 {
		return good
	}
	return pick(random, others...)
}

func pick(random *rand.Rand, values ...string) string { return values[random.IntN(len(values))] }

// usual are options that decide about others, and so come more often.
var usual = strings.Fields(`
	compress compress-type compress-level archive-check archive-async db-timeout protocol-timeout
	repo1-bundle repo1-block repo1-hardlink repo1-s3-uri-style repo1-storage-verify-tls repo1-cipher-type repo1-type
	repo2-type repo2-path repo3-type repo3-path repo3-host repo4-path backup-standby retention-full repo1-retention-full
`)

// kept are paths that the test itself sets.
var kept = []string{"lock-path", "log-path", "spool-path"}

func randomOption(random *rand.Rand) (key, value string) {
	all := option.All()
	o := all[random.IntN(len(all))]
	key = o.Name
	if group := string(o.Group()); group != "" {
		key = fmt.Sprint(group, 1+random.IntN(3)) + strings.TrimPrefix(key, group)
	}
	if random.IntN(2) == 0 {
		key = pick(random, usual...)
		name, _ := option.Parse(key)
		o = *name.Option
	}
	switch random.IntN(24) {
	case 0:
		if len(o.Old) > 0 {
			key = strings.ReplaceAll(pick(random, o.Old...), "#", "1")
		}
	case 1:
		key = misspell(random, key)
	}
	if slices.Contains(kept, key) {
		key = "buffer-size"
	}
	values := goodValues(o)
	switch random.IntN(10) {
	case 0:
		values = append(badValues(o), "x", "y", "0", "-1", "7", "300", "/x", "a=b", "none", "zstd", "aes-256-cbc")
	case 1:
		values = append(values, "1", "9", "12", "60", "/x")
	}
	return key, pick(random, values...)
}

func misspell(random *rand.Rand, key string) string {
	at := random.IntN(len(key))
	switch random.IntN(5) {
	case 0:
		return key[:at] + key[at+1:]
	case 1:
		return key[:at] + pick(random, "0", "7", "999", "-", "x", "_") + key[at:]
	case 2:
		return pick(random, "no-", "reset-", "x") + key
	case 3:
		return strings.ToUpper(key)
	}
	return "x" + fmt.Sprint(random.IntN(999)) + "-" + key
}
