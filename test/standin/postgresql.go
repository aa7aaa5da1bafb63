// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Resource is the kind that CPO watches.
var Resource = schema.GroupVersionResource{Group: "cpo.opensource.cybertec.at", Version: "v1", Resource: "postgresqls"}

// backupTypes are in the order in which CPO makes their CronJobs.
var backupTypes = []string{"full", "incr", "diff"}

// Postgresql is the part of a postgresql that CPO's objects need. It is not
// internal/cpo.Postgresql: a mistake there must not be repeated here.
type Postgresql struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec   Spec   `json:"spec"`
	Status Status `json:"status"`
}

// Spec is spec.
type Spec struct {
	TeamID            string              `json:"teamId"`
	NumberOfInstances int32               `json:"numberOfInstances"`
	Labels            map[string]string   `json:"labels,omitempty"`
	Env               []corev1.EnvVar     `json:"env,omitempty"`
	PodAnnotations    map[string]string   `json:"podAnnotations,omitempty"`
	Tolerations       []corev1.Toleration `json:"tolerations,omitempty"`
	Monitor           *struct{}           `json:"monitor,omitempty"`
	Volume            Volume              `json:"volume"`
	Backup            *Backup             `json:"backup,omitempty"`
}

// Backup is spec.backup.
type Backup struct {
	PgBackRest *PgBackRest `json:"pgbackrest,omitempty"`
}

// PgBackRest is spec.backup.pgbackrest.
type PgBackRest struct {
	Image         string            `json:"image"`
	Global        map[string]string `json:"global,omitempty"`
	Configuration struct {
		Secret string `json:"secret,omitempty"`
	} `json:"configuration"`
	Repos     []Repo            `json:"repos,omitempty"`
	Restore   Restore           `json:"restore"`
	Resources Resources         `json:"resources"`
	Env       []corev1.EnvVar   `json:"env,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
}

// Resources are requests and limits.
type Resources struct {
	Requests map[string]string `json:"requests,omitempty"`
	Limits   map[string]string `json:"limits,omitempty"`
}

// Repo is one of spec.backup.pgbackrest.repos.
type Repo struct {
	Name     string            `json:"name"`
	Storage  string            `json:"storage"`
	Resource string            `json:"resource,omitempty"`
	Endpoint string            `json:"endpoint,omitempty"`
	Region   string            `json:"region,omitempty"`
	Account  string            `json:"account,omitempty"`
	Key      string            `json:"key,omitempty"`
	KeyType  string            `json:"keyType,omitempty"`
	Schedule map[string]string `json:"schedule,omitempty"`
	Volume   Volume            `json:"volume"`
}

// number is N of repoN.
func (r Repo) number() string { return strings.TrimPrefix(r.Name, "repo") }

// Volume is the size and the class of a volume.
type Volume struct {
	Size         string  `json:"size,omitempty"`
	StorageClass *string `json:"storageClass,omitempty"`
}

// Restore is spec.backup.pgbackrest.restore. Its JSON is also the annotation of the
// ConfigMap of a restore, with the fields in this order.
type Restore struct {
	ID      string            `json:"id"`
	Repo    string            `json:"repo"`
	Options map[string]string `json:"options"`
}

// Status are the two keys that CPO writes.
type Status struct {
	Cluster   string `json:"PostgresClusterStatus,omitempty"` //nolint:tagliatelle // CPO's own name
	RestoreID string `json:"RestoreID,omitempty"`             //nolint:tagliatelle // the same
}

// Decode reads a postgresql.
func Decode(object *unstructured.Unstructured) (*Postgresql, error) {
	p := &Postgresql{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, p); err != nil {
		return nil, fmt.Errorf("cannot read postgresql %s/%s: %w", object.GetNamespace(), object.GetName(), err)
	}
	return p, nil
}

// backup is spec.backup.pgbackrest, nil if there is none.
func (p *Postgresql) backup() *PgBackRest {
	if p.Spec.Backup == nil {
		return nil
	}
	return p.Spec.Backup.PgBackRest
}

// hasRepoHost reports whether a repo has storage pvc.
func (p *Postgresql) hasRepoHost() bool {
	if p.backup() == nil {
		return false
	}
	for _, repo := range p.backup().Repos {
		if repo.Storage == storagePVC {
			return true
		}
	}
	return false
}

const storagePVC = "pvc"

// owner is the reference of a StatefulSet to its postgresql.
func (p *Postgresql) owner() []metav1.OwnerReference {
	return []metav1.OwnerReference{{
		APIVersion: Resource.GroupVersion().String(), Kind: "postgresql", Name: p.Name, UID: p.UID,
		Controller: new(true), BlockOwnerDeletion: new(false),
	}}
}

func (p *Postgresql) meta(name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: p.Namespace, Name: name, Labels: labels}
}
