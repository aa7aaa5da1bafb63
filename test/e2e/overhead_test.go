// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// BenchmarkOverhead compares the wall time of a proven run with that of a Job that does
// what CPO's does: kubectl exec of pgbackrest backup, and nothing else. The two take
// turns, so that other load of the machine affects both. The result is the ratio of the
// medians; seconds are for orientation.
//
// KUBECTL_IMAGE is an image whose /operator kubectl is kubectl. PAIRS is the
// number of pairs, at least 5 for a result worth quoting.
func BenchmarkOverhead(b *testing.B) {
	image := os.Getenv("KUBECTL_IMAGE")
	pairs, err := strconv.Atoi(os.Getenv("PAIRS"))
	if image == "" || err != nil {
		b.Fatal("KUBECTL_IMAGE and PAIRS must be set: run make bench")
	}
	k := kit.New(b, "e2e-overhead")
	k.Apply(b, "overhead")
	k.PSQL(b, kit.Primary, "CREATE TABLE work AS SELECT i, md5(i::text) AS note FROM generate_series(1, 20000) i")
	k.AwaitSuccess(b, k.Submit(b, "cluster=cluster", "repo=repo1", "type=full"))
	backupJob(b, k, image, "--start-fast") // Now both have run once.

	var runs, jobs, execs []time.Duration
	var phases []phase
	for i := range pairs {
		change := func() {
			k.PSQL(b, kit.Primary, fmt.Sprintf("UPDATE work SET note = md5(note) WHERE i %% %d = 0", i+2))
		}
		run := func() {
			change()
			took, split := timeRun(b, k)
			runs, phases = append(runs, took), append(phases, split)
		}
		job := func() {
			change()
			jobs = append(jobs, backupJob(b, k, image, "--start-fast"))
		}
		if i%2 == 0 {
			run()
			job()
		} else {
			job()
			run()
		}
		change()
		started := time.Now()
		k.Exec(b, kit.Primary, "pgbackrest", "backup", "--stanza=db", "--repo=1", "--type=incr", "--start-fast", "--log-level-console=off")
		execs = append(execs, time.Since(started))
	}
	ratio := median(runs).Seconds() / median(jobs).Seconds()
	b.ReportMetric(ratio, "run/job")
	b.ReportMetric(median(runs).Seconds(), "s/run")
	b.ReportMetric(median(jobs).Seconds(), "s/job")
	b.ReportMetric(0, "ns/op")
	b.Logf("incr backups, %d pairs, medians: proven run %.1f s, Job %.1f s, bare exec %.1f s, ratio run/Job %.2f",
		pairs, median(runs).Seconds(), median(jobs).Seconds(), median(execs).Seconds(), ratio)
	b.Logf("runs %v\njobs %v", seconds(runs), seconds(jobs))
	b.Logf("where the time of a run goes (medians): pod start %.1f s, steps %.1f s (backup %.1f s), waiting between steps %.1f s, teardown and requeue %.1f s",
		medianOf(phases, func(p phase) time.Duration { return p.podStart }), medianOf(phases, func(p phase) time.Duration { return p.steps }),
		medianOf(phases, func(p phase) time.Duration { return p.backup }), medianOf(phases, func(p phase) time.Duration { return p.gaps }),
		medianOf(phases, func(p phase) time.Duration { return p.teardown }))

	// As CPO ships it there is no start-fast: the backup waits for PostgreSQL's
	// next checkpoint. Once is enough to see the order of magnitude.
	k.PSQL(b, kit.Primary, "UPDATE work SET note = md5(note)")
	shipped := backupJob(b, k, image)
	b.ReportMetric(shipped.Seconds(), "s/job-as-shipped")
	b.Logf("Job with CPO's options as shipped, without start-fast, once: %.1f s, ratio run/Job %.2f",
		shipped.Seconds(), median(runs).Seconds()/shipped.Seconds())
}

// phase says where the time of one run went.
type phase struct{ podStart, steps, backup, gaps, teardown time.Duration }

// timeRun makes a backup with a run.
func timeRun(b *testing.B, k *kit.Kit) (time.Duration, phase) {
	b.Helper()
	started := time.Now()
	name := k.Submit(b, "cluster=cluster", "repo=repo1", "type=incr")
	_, r := k.AwaitSuccess(b, name)
	ended := time.Now()
	return ended.Sub(started), split(r, started, ended)
}

func split(r report.Report, started, ended time.Time) phase {
	var p phase
	last := started
	for i, s := range r.Steps {
		took := time.Duration(s.Seconds * float64(time.Second))
		if i == 0 {
			p.podStart = s.Start.Sub(last)
		} else {
			p.gaps += s.Start.Sub(last)
		}
		p.steps += took
		if s.Name == "backup" {
			p.backup = took
		}
		last = s.Start.Add(took)
	}
	p.teardown = ended.Sub(last)
	return p
}

// backupJob runs a Job with one pod that execs pgbackrest backup, and returns
// the time from its creation until it is complete.
func backupJob(b *testing.B, k *kit.Kit, image string, options ...string) time.Duration {
	b.Helper()
	command := []string{
		"/operator", "kubectl", "exec", kit.Primary, "-c", "postgres", "--",
		"pgbackrest", "backup", "--stanza=db", "--repo=1", "--type=incr", "--log-level-console=info",
	}
	yes, no := true, false
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "cpo-", Namespace: k.Namespace},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, ServiceAccountName: "cpo-job",
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &yes, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Containers: []corev1.Container{{
				Name: "pgbackrest-backup", Image: image, ImagePullPolicy: corev1.PullIfNotPresent, Command: append(command, options...),
				SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			}},
		}}},
	}
	started := time.Now()
	if err := k.Client.Create(b.Context(), job); err != nil {
		b.Fatal(err)
	}
	wait.Until(b, 15*time.Minute, "job "+job.Name+" complete", func() (bool, string) {
		err := k.TryGet(b.Context(), job.Name, job)
		for _, c := range job.Status.Conditions {
			if c.Type == batchv1.JobFailed && c.Status == corev1.ConditionTrue {
				b.Fatalf("job %s failed: %s", job.Name, c.Message)
			}
		}
		return job.Status.Succeeded > 0 && job.Status.CompletionTime != nil, fmt.Sprintf("%v %+v", err, job.Status)
	})
	return time.Since(started)
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

func medianOf(phases []phase, get func(phase) time.Duration) float64 {
	var times []time.Duration
	for _, p := range phases {
		times = append(times, get(p))
	}
	return median(times).Seconds()
}

func seconds(times []time.Duration) []string {
	var texts []string
	for _, d := range times {
		texts = append(texts, fmt.Sprintf("%.1f", d.Seconds()))
	}
	return texts
}
