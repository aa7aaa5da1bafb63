// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/run/step"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// BenchmarkOverhead compares the wall time of a proven run, in each form, with that of a
// Job that does what CPO's does: kubectl exec of pgbackrest backup, and nothing else. They
// take turns, so that other load of the machine affects each. The result is the
// ratio of the medians; seconds are for orientation.
//
// KUBECTL_IMAGE is an image whose /operator kubectl is kubectl. PAIRS is the
// number of rounds, at least 5 for a result worth quoting.
func BenchmarkOverhead(b *testing.B) {
	image := os.Getenv("KUBECTL_IMAGE")
	rounds, err := strconv.Atoi(os.Getenv("PAIRS"))
	if image == "" || err != nil {
		b.Fatal("KUBECTL_IMAGE and PAIRS must be set: run make bench")
	}
	k := kit.New(b, "e2e-overhead")
	k.Apply(b, "overhead")
	k.PSQL(b, kit.Primary, "CREATE TABLE work AS SELECT i, md5(i::text) AS note FROM generate_series(1, 20000) i")
	// Afterwards each has run once.
	k.AwaitSuccess(b, k.SubmitAs(b, vocab.FormPod, "cluster=cluster", "repo=repo1", "type=full"))
	for _, form := range measuredForms() {
		k.AwaitSuccess(b, k.SubmitAs(b, form, "cluster=cluster", "repo=repo1", "type=incr"))
	}
	backupJob(b, k, image, "--start-fast")

	runs, phases, jobs := measureRounds(b, k, image, rounds)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(jobs).Seconds(), "s/job")
	b.Logf("incr backups, %d rounds; Job, median %.1f s: %v", rounds, median(jobs).Seconds(), seconds(jobs))
	for _, form := range measuredForms() {
		ratio := median(runs[form]).Seconds() / median(jobs).Seconds()
		b.ReportMetric(ratio, string(form)+"/job")
		b.ReportMetric(median(runs[form]).Seconds(), "s/"+string(form))
		b.Logf("proven run of form %s, median %.1f s, ratio to the Job %.2f: %v", form, median(runs[form]).Seconds(), ratio, seconds(runs[form]))
		printPhases(b, phases[form])
	}

	// As CPO ships it there is no start-fast: the backup waits for PostgreSQL's
	// next checkpoint. Once is enough to see the order of magnitude.
	k.PSQL(b, kit.Primary, "UPDATE work SET note = md5(note)")
	shipped := backupJob(b, k, image)
	b.ReportMetric(shipped.Seconds(), "s/job-as-shipped")
	b.Logf("Job with CPO's options as shipped, without start-fast, once: %.1f s", shipped.Seconds())
}

// measuredForms are those of FORMS, such as "pod compact", all of them by default.
func measuredForms() []vocab.RunForm {
	var forms []vocab.RunForm
	for name := range strings.FieldsSeq(os.Getenv("FORMS")) {
		forms = append(forms, vocab.RunForm(name))
	}
	if len(forms) == 0 {
		return vocab.Forms
	}
	return forms
}

// measureRounds makes a backup with each form and with a Job in each round. Every round
// begins with another one.
func measureRounds(b *testing.B, k *kit.Kit, image string, rounds int) (runs map[vocab.RunForm][]time.Duration, phases map[vocab.RunForm][]phase, jobs []time.Duration) {
	b.Helper()
	runs, phases = map[vocab.RunForm][]time.Duration{}, map[vocab.RunForm][]phase{}
	seen := watchMilestones(b, k)
	turns := []func(){func() { jobs = append(jobs, backupJob(b, k, image, "--start-fast")) }}
	for _, form := range measuredForms() {
		turns = append(turns, func() {
			took, split := timeRun(b, k, seen, form)
			runs[form], phases[form] = append(runs[form], took), append(phases[form], split)
		})
	}
	for round := range rounds {
		for n := range turns {
			k.PSQL(b, kit.Primary, fmt.Sprintf("UPDATE work SET note = md5(note) WHERE i %% %d = 0", round+2))
			turns[(round+n)%len(turns)]()
		}
	}
	return runs, phases, jobs
}

func printPhases(b *testing.B, phases []phase) {
	b.Helper()
	of := func(get func(phase) time.Duration) float64 {
		var times []time.Duration
		for _, p := range phases {
			times = append(times, get(p))
		}
		return median(times).Seconds()
	}
	b.Logf("  where its time goes (medians): pod start %.1f s (until the pod is created %.1f s), steps %.1f s, between steps %.1f s, teardown %.1f s",
		of(func(p phase) time.Duration { return p.podStart }), of(func(p phase) time.Duration { return p.created }),
		of(func(p phase) time.Duration { return p.steps }), of(func(p phase) time.Duration { return p.gaps }),
		of(func(p phase) time.Duration { return p.teardown }))
	b.Logf("  teardown after the last step (medians, as the API server shows it): main ended %.1f s, pod ended %.1f s, its node ended %.1f s, run ended %.1f s",
		of(func(p phase) time.Duration { return p.after[mainEnded] }), of(func(p phase) time.Duration { return p.after[podEnded] }),
		of(func(p phase) time.Duration { return p.after[nodeEnded] }), of(func(p phase) time.Duration { return p.after[runEnded] }))
	var each []string
	for _, name := range step.Names {
		if took := of(func(p phase) time.Duration { return p.each[name] }); took > 0 {
			each = append(each, fmt.Sprintf("%s %.1f s", name, took))
		}
	}
	last := phases[len(phases)-1]
	b.Logf("  each step: %s; requests of the run to the API server: %d", strings.Join(each, ", "), last.requests)
	for _, line := range last.commands {
		b.Logf("    %s", line)
	}
}

// phase says where the time of one run went.
type phase struct {
	podStart, created, steps, gaps, teardown time.Duration
	// each step, and the milestones after the last one.
	each  map[string]time.Duration
	after map[milestone]time.Duration
	// requests of the run, and what its steps log about their commands.
	requests int
	commands []string
}

// timeRun makes a backup with a run.
func timeRun(b *testing.B, k *kit.Kit, seen *milestones, form vocab.RunForm) (time.Duration, phase) {
	b.Helper()
	started := time.Now()
	name := k.SubmitAs(b, form, "cluster=cluster", "repo=repo1", "type=incr")
	_, r := k.AwaitSuccess(b, name)
	ended := time.Now()
	p := split(r, started, ended, seen.of(name))
	p.commands = commandsOf(b, k, name)
	return ended.Sub(started), p
}

func split(r report.Report, started, ended time.Time, seen map[milestone]time.Time) phase {
	p := phase{each: map[string]time.Duration{}, after: map[milestone]time.Duration{}, created: seen[podCreated].Sub(started)}
	last := started
	for i, s := range r.Steps {
		took := time.Duration(s.Seconds * float64(time.Second))
		if i == 0 {
			p.podStart = s.Start.Sub(last)
		} else {
			p.gaps += s.Start.Sub(last)
		}
		p.steps += took
		p.requests += s.Requests
		p.each[s.Name] = took
		last = s.Start.Add(took)
	}
	for what, at := range seen {
		p.after[what] = at.Sub(last)
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

func seconds(times []time.Duration) []string {
	var texts []string
	for _, d := range times {
		texts = append(texts, fmt.Sprintf("%.1f", d.Seconds()))
	}
	return texts
}
