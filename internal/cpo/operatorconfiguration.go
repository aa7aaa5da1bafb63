// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// OperatorConfigurationKind is the kind with the configuration of CPO itself.
var OperatorConfigurationKind = schema.GroupVersionKind{Group: GroupVersionKind.Group, Version: GroupVersionKind.Version, Kind: "OperatorConfiguration"}

// defaultEmptySchedule is logical_backup_schedule of a CPO that is not configured
// otherwise.
const defaultEmptySchedule = "30 00 * * *"

// OperatorConfiguration is what we read of the configuration of CPO.
type OperatorConfiguration struct {
	// Name is "<namespace>/<name>", empty for a CPO that has none.
	Name   string
	Labels Labels
	// EmptySchedule is what an empty schedule of a backup means to CPO: its
	// logical_backup_schedule.
	EmptySchedule string
}

// DefaultOperatorConfiguration is that of a CPO that is not configured otherwise.
func DefaultOperatorConfiguration() OperatorConfiguration {
	return OperatorConfiguration{Labels: DefaultLabels(), EmptySchedule: defaultEmptySchedule}
}

// Equal reports whether two configurations are the same to us.
func (c OperatorConfiguration) Equal(other OperatorConfiguration) bool {
	return c.Name == other.Name && c.EmptySchedule == other.EmptySchedule && c.Labels.Equal(other.Labels)
}

// DecodeOperatorConfiguration reads an OperatorConfiguration from unstructured JSON.
// It is total. What is missing, empty or of the wrong type has CPO's default, as it
// has to CPO.
func DecodeOperatorConfiguration(object map[string]any) OperatorConfiguration {
	c, d := DefaultOperatorConfiguration(), &decoder{}
	metadata := d.object(object, "", "metadata")
	c.Name = d.text(metadata, "metadata", "namespace") + "/" + d.text(metadata, "metadata", "name")
	configuration := d.object(object, "", "configuration")
	kubernetes := d.object(configuration, "configuration", "kubernetes")
	if labels := d.texts(kubernetes, "kubernetes", "cluster_labels"); len(labels) > 0 {
		c.Labels.Cluster = labels
	}
	for _, field := range []struct {
		in   map[string]any
		name string
		to   *string
	}{
		{kubernetes, "cluster_name_label", &c.Labels.ClusterName},
		{kubernetes, "pod_role_label", &c.Labels.Role},
		{d.object(configuration, "configuration", "logical_backup"), "logical_backup_schedule", &c.EmptySchedule},
	} {
		if text := d.text(field.in, "configuration", field.name); text != "" {
			*field.to = text
		}
	}
	return c
}

// ChooseOperatorConfiguration returns the configuration of the CPO whose clusters are
// meant: the named one, or else the only one. The error is for the person who has
// installed the operator.
func ChooseOperatorConfiguration(all []OperatorConfiguration, name string) (OperatorConfiguration, error) {
	if name != "" {
		at := slices.IndexFunc(all, func(c OperatorConfiguration) bool { return c.Name == name })
		if at < 0 {
			return OperatorConfiguration{}, fmt.Errorf("there is no OperatorConfiguration %s, which the flag --operator-configuration of the operator names; name that of the CPO whose clusters it should back up", name)
		}
		return all[at], nil
	}
	switch len(all) {
	case 0:
		return DefaultOperatorConfiguration(), nil
	case 1:
		return all[0], nil
	}
	names := make([]string, 0, len(all))
	for _, c := range all {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return OperatorConfiguration{}, fmt.Errorf("there are %d OperatorConfigurations (%s), and each may use other labels; name that of the CPO whose clusters the operator should back up with the flag --operator-configuration=NAMESPACE/NAME", len(all), strings.Join(names, ", "))
}
