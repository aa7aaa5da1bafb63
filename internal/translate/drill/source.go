// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"cmp"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// volumeData is CPO's name of the claims with the database.
const volumeData = "pgdata"

// Source is what a drill takes over from the pods of PostgreSQL.
type Source struct {
	// Pod is the template of the pods.
	Pod corev1.PodSpec
	// StorageClass of the volumes with the database. Empty means the default.
	StorageClass string
}

// SourceOf reads the StatefulSet with the name of the cluster.
func SourceOf(set *appsv1.StatefulSet) *Source {
	s := &Source{Pod: *set.Spec.Template.Spec.DeepCopy()}
	for i := range set.Spec.VolumeClaimTemplates {
		claim := &set.Spec.VolumeClaimTemplates[i]
		if claim.Name == volumeData && claim.Spec.StorageClassName != nil {
			s.StorageClass = *claim.Spec.StorageClassName
		}
	}
	return s
}

// postgres is the container of PostgreSQL, an empty one without a StatefulSet.
func (s *Source) postgres() corev1.Container {
	if s == nil || len(s.Pod.Containers) == 0 {
		return corev1.Container{}
	}
	i := slices.IndexFunc(s.Pod.Containers, func(c corev1.Container) bool { return c.Name == cpo.ContainerPostgreSQL })
	return s.Pod.Containers[max(i, 0)]
}

// user is who PostgreSQL is in its pods. Nil is who the image says.
type user struct{ id, group, volumes *int64 }

// user never is root: the files of the copy are its own, whoever had them before.
func (s *Source) user() user {
	if s == nil {
		return user{id: new(int64(cpo.PostgresUID)), group: new(int64(cpo.PostgresUID)), volumes: new(int64(cpo.PostgresUID))}
	}
	var u user
	if pod := s.Pod.SecurityContext; pod != nil {
		u = user{id: pod.RunAsUser, group: pod.RunAsGroup, volumes: pod.FSGroup}
	}
	if own := s.postgres().SecurityContext; own != nil {
		u.id, u.group = cmp.Or(own.RunAsUser, u.id), cmp.Or(own.RunAsGroup, u.group)
	}
	u.id, u.group, u.volumes = notRoot(u.id), notRoot(u.group), notRoot(u.volumes)
	u.volumes = cmp.Or(u.volumes, u.group, u.id)
	return u
}

func notRoot(id *int64) *int64 {
	if id == nil || *id == 0 {
		return nil
	}
	return id
}
