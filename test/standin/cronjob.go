// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// maxCronJobName is where CPO cuts the name of a CronJob.
const maxCronJobName = 52

// cronJobName cuts the name, so that long names of clusters give several schedules one
// name.
func (p *Postgresql) cronJobName(repo, backupType string) string {
	name := "pgbackrest-" + p.Name + "-" + repo + "-" + backupType
	if len(name) > maxCronJobName {
		name = strings.TrimRight(name[:maxCronJobName], "-")
	}
	return name
}

// cronJob makes the backups of one type in one repo. Its pod execs into the primary or,
// with storage pvc, into the repo host.
func (o Options) cronJob(p *Postgresql, repo Repo, backupType string) *batchv1.CronJob {
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Labels: o.podLabels(p, typeBackupJob), Annotations: maps.Clone(p.Spec.PodAnnotations)},
		Spec: corev1.PodSpec{
			Volumes:                       []corev1.Volume{p.configVolume(p.configName())},
			Containers:                    []corev1.Container{o.jobContainer(p, repo, backupType)},
			RestartPolicy:                 corev1.RestartPolicyNever,
			TerminationGracePeriodSeconds: new(int64(gracePeriod)),
			ServiceAccountName:            serviceAccount,
			Affinity:                      o.besidePostgreSQL(p),
		},
	}
	o.AdjustPod(&template)
	return &batchv1.CronJob{
		ObjectMeta: p.meta(p.cronJobName(repo.Name, backupType), o.labels(p, labelType, typeBackupJob)),
		Spec: batchv1.CronJobSpec{
			Schedule:          cmp.Or(repo.Schedule[backupType], o.EmptySchedule),
			ConcurrencyPolicy: batchv1.ForbidConcurrent,
			JobTemplate:       batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template}},
		},
	}
}

func (o Options) jobContainer(p *Postgresql, repo Repo, backupType string) corev1.Container {
	container, key, value := "postgres", o.RoleLabel, rolePrimary
	if repo.Storage == storagePVC {
		container, key, value = "pgbackrest", labelType, typeRepoHost
	}
	return corev1.Container{
		Name: "pgbackrest-backup", Image: p.backup().Image, Ports: ports(),
		Env: slices.Concat([]corev1.EnvVar{
			{Name: "USE_PGBACKREST", Value: yes},
			{Name: "MODE", Value: "backup"},
			{Name: "COMMAND_OPTS", Value: "--stanza=db --repo=" + repo.number() + " --type=" + backupType},
			{Name: "CONTAINER", Value: container},
			{Name: "SELECTOR", Value: labels.FormatLabels(o.selector(p, key, value))},
		}, p.backup().Env, p.Spec.Env),
		VolumeMounts:    []corev1.VolumeMount{{Name: configVolume, MountPath: configFolder}},
		ImagePullPolicy: corev1.PullIfNotPresent,
		SecurityContext: securityContext(true),
	}
}

// besidePostgreSQL prefers the node of any PostgreSQL pod of the cluster.
func (o Options) besidePostgreSQL(p *Postgresql) *corev1.Affinity {
	return &corev1.Affinity{PodAffinity: &corev1.PodAffinity{
		PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{
			Weight: 1,
			PodAffinityTerm: corev1.PodAffinityTerm{
				LabelSelector: &metav1.LabelSelector{MatchLabels: o.selector(p, labelType, typePostgresql)},
				TopologyKey:   corev1.LabelHostname,
			},
		}},
	}}
}
