// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/kube"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/node"
)

// Claim names a claim that may not exist yet.
type Claim struct{ Namespace, Name string }

var claimPattern = regexp.MustCompile(`^([a-z0-9][-a-z0-9]*)/([a-z0-9][-.a-z0-9]*)$`)

// ParseClaim reads NAMESPACE/CLAIM.
func ParseClaim(s string) (Claim, error) {
	m := claimPattern.FindStringSubmatch(s)
	if m == nil {
		return Claim{}, fmt.Errorf("%q is not a claim, want NAMESPACE/CLAIM", s)
	}
	return Claim{m[1], m[2]}, nil
}

// volume is the name of the claim's volume. A namespace has no dot in it.
func (c Claim) volume() string { return c.Namespace + "." + c.Name }

func (c Claim) String() string { return c.Namespace + "/" + c.Name }

// Size is the size of a volume as Kubernetes writes it.
type Size struct {
	text  string
	bytes int64
}

var sizePattern = regexp.MustCompile(`^([1-9][0-9]{0,5})(Mi|Gi)$`)

// ParseSize reads sizes like 256Mi and 1Gi.
func ParseSize(s string) (Size, error) {
	m := sizePattern.FindStringSubmatch(s)
	if m == nil {
		return Size{}, fmt.Errorf("%q is not the size of a volume, want one like 256Mi or 1Gi", s)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return Size{}, err
	}
	return Size{s, n << map[string]int{"Mi": 20, "Gi": 30}[m[2]]}, nil
}

// MakeVolume creates a volume of a fixed size for one claim, which gets it when it
// appears. It replaces a volume that an earlier claim of the name left behind.
func (c *Cluster) MakeVolume(ctx context.Context, claim Claim, size Size, class string) error {
	return c.withNode(ctx, func() error {
		if err := c.removeVolume(ctx, claim); err != nil {
			return err
		}
		dir, err := c.node.MakeVolume(ctx, claim.volume(), size.bytes)
		if err != nil {
			return err
		}
		manifest, err := persistentVolume(claim, size, class, dir)
		if err != nil {
			return err
		}
		return c.kube.Apply(ctx, manifest)
	})
}

// RemoveVolume removes the volume of a claim that is gone.
func (c *Cluster) RemoveVolume(ctx context.Context, claim Claim) error {
	return c.withNode(ctx, func() error { return c.removeVolume(ctx, claim) })
}

func (c *Cluster) removeVolume(ctx context.Context, claim Claim) error {
	var volume struct{ Status struct{ Phase string } }
	err := c.kube.Get(ctx, "/api/v1/persistentvolumes/"+claim.volume(), &volume)
	switch {
	case errors.Is(err, kube.ErrNotFound):
	case err != nil:
		return err
	case volume.Status.Phase == "Bound":
		return fmt.Errorf("claim %s still exists and has the volume: delete the claim first", claim)
	default:
		if _, err := c.kube.Kubectl(ctx, "delete", "persistentvolume", claim.volume(), "--timeout=1m"); err != nil {
			return err
		}
	}
	return c.node.RemoveVolume(claim.volume())
}

// persistentVolume returns the manifest of a volume for one claim.
func persistentVolume(claim Claim, size Size, class, dir string) (string, error) {
	type object map[string]any
	b, err := json.Marshal(object{
		"apiVersion": "v1", "kind": "PersistentVolume",
		"metadata": object{"name": claim.volume()},
		"spec": object{
			"storageClassName": class,
			"accessModes":      []string{"ReadWriteOnce"},
			"capacity":         object{"storage": size.text},
			// No provisioner knows of it; see RemoveVolume.
			"persistentVolumeReclaimPolicy": "Retain",
			"claimRef":                      object{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": claim.Namespace, "name": claim.Name},
			"local":                         object{"path": dir},
			"nodeAffinity": object{"required": object{"nodeSelectorTerms": []object{{
				"matchExpressions": []object{{"key": "kubernetes.io/hostname", "operator": "In", "values": []string{node.Name}}},
			}}}},
		},
	})
	return string(b), err
}
