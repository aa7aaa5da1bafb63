// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
)

// ConfigurationCRD is the name of the CRD of CPO's own configuration. An operator can
// see by it that CPO runs.
const ConfigurationCRD = "operatorconfigurations.cpo.opensource.cybertec.at"

// Register does what CPO does at its start: it merges its own schema into the CRD of
// postgresql, whoever installed that, and makes the CRD of its configuration.
func (o *Operator) Register(ctx context.Context) error {
	data, err := fs.ReadFile(cpotest.Samples(), "crds/postgresqls.cpo.opensource.cybertec.at.yaml")
	if err != nil {
		return err
	}
	crd := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, crd); err != nil {
		return err
	}
	unstructured.RemoveNestedField(crd.Object, "metadata", "uid")
	unstructured.RemoveNestedField(crd.Object, "metadata", "resourceVersion")
	unstructured.RemoveNestedField(crd.Object, "status")
	if err := o.registerCRD(ctx, crd); err != nil {
		return err
	}
	return o.registerCRD(ctx, configurationCRD())
}

func (o *Operator) registerCRD(ctx context.Context, crd *unstructured.Unstructured) error {
	err := o.client.Create(ctx, crd.DeepCopy())
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	body, err := json.Marshal(map[string]any{"spec": crd.Object["spec"]})
	if err != nil {
		return err
	}
	return o.client.Patch(ctx, crd, client.RawPatch(types.MergePatchType, body))
}

// configurationCRD is less than CPO's: it accepts every field.
func configurationCRD() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": ConfigurationCRD},
		"spec": map[string]any{
			"group": Resource.Group, "scope": "Namespaced",
			"names": map[string]any{
				"kind": configurationKind.Kind, "listKind": "OperatorConfigurationList", "plural": "operatorconfigurations",
				"singular": "operatorconfiguration", "shortNames": []any{"opconfig"},
			},
			"versions": []any{map[string]any{
				"name": Resource.Version, "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
			}},
		},
	}}
}

var configurationKind = schema.GroupVersionKind{Group: Resource.Group, Version: Resource.Version, Kind: "OperatorConfiguration"}

// Configuration is the OperatorConfiguration that says what the options say.
func (o *Operator) Configuration(namespace string) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(map[string]any{"configuration": map[string]any{
		"kubernetes": map[string]any{
			"cluster_labels": o.ClusterLabels, "cluster_name_label": o.ClusterNameLabel, "pod_role_label": o.RoleLabel,
		},
		"resync_period": o.Resync.String(),
	}})
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal(body, &u.Object); err != nil {
		return nil, fmt.Errorf("cannot encode the configuration: %w", err)
	}
	u.SetGroupVersionKind(configurationKind)
	u.SetNamespace(namespace)
	u.SetName("cpo-configuration")
	return u, nil
}
