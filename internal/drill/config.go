// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// Names and folders in the pod that restores, which the operator describes and the drill
// uses.
const (
	// ContainerName of the container that restores: Argo's name for the main container.
	ContainerName = "main"
	// DataVolume is the volume that takes the database, mounted at DataMount, where the
	// configuration of the cluster has pg1-path, its logs and its spool.
	DataVolume = "scratch"
	DataMount  = "/home/postgres/pgdata"
	// BinaryVolume is an emptyDir, mounted at BinaryMount. The init container BinaryInit
	// copies the operator's program into it.
	BinaryVolume = "stanzaflow-binary"
	BinaryMount  = "/opt/stanzaflow"
	BinaryInit   = "stanzaflow-copy"
	// Binary is the program in the container that restores.
	Binary = BinaryMount + "/operator"
)

// Config is drills.json: what the drills of a cluster do beside what the cluster itself
// says.
type Config struct {
	// Drills of the Stanza, in their order.
	Drills []stanzaflowv1alpha1.Drill `json:"drills,omitempty"`
	// DefaultRepo is the number of the first repo of the cluster, 1 to 4.
	DefaultRepo int `json:"defaultRepo"`
	// DataPath is pg1-path of the configuration.
	DataPath string `json:"dataPath"`
	// BinDir is the folder of postgres in the image. Empty means that it is looked for.
	BinDir string `json:"binDir,omitempty"`
	// Parameters of PostgreSQL in the drill.
	Parameters map[string]string `json:"parameters,omitempty"`
	// VolumeBytes is the size that was asked for the volume, 0 if unknown.
	VolumeBytes int64 `json:"volumeBytes,omitempty"`
}

// passable replaces what does not pass through a Workflow unchanged: Argo looks for tags in
// a parameter, and Kubernetes for variables in an argument. Both are only within strings.
var passable = strings.NewReplacer("{{", `\u007b\u007b`, "$", `\u0024`)

// Encode gives compact JSON, the same for the same Config, that passes through a Workflow
// unchanged.
func (c Config) Encode() (string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("cannot encode the drills: %w", err)
	}
	return passable.Replace(string(text)), nil
}

var (
	targets = []stanzaflowv1alpha1.DrillTarget{"", stanzaflowv1alpha1.TargetNewest, stanzaflowv1alpha1.TargetRandom, stanzaflowv1alpha1.TargetImmediate}
	checks  = []stanzaflowv1alpha1.DrillCheck{stanzaflowv1alpha1.CheckDump, stanzaflowv1alpha1.CheckAmcheck, stanzaflowv1alpha1.CheckChecksums}
)

// Decode reads what Encode wrote. It refuses what this release does not know.
func Decode(text string) (Config, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	var c Config
	if err := decoder.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("cannot decode the drills: %w", err)
	}
	for _, d := range c.Drills {
		if !slices.Contains(targets, d.Target) {
			return Config{}, fmt.Errorf("drill %s has the target %q, which this release does not know", d.Name, d.Target)
		}
		for _, check := range d.Checks {
			if !slices.Contains(checks, check) {
				return Config{}, fmt.Errorf("drill %s has the check %q, which this release does not know", d.Name, check)
			}
		}
	}
	if c.DefaultRepo < 1 || c.DefaultRepo > 4 || c.DataPath == "" {
		return Config{}, errors.New("the drills have no repo or no data path")
	}
	return c, nil
}

// Find returns the drill of a name. Without a name it is a drill by hand: target Newest,
// check Dump.
func (c Config) Find(name string) (stanzaflowv1alpha1.Drill, error) {
	if name == "" {
		return WithDefaults(stanzaflowv1alpha1.Drill{}, c.DefaultRepo), nil
	}
	i := slices.IndexFunc(c.Drills, func(d stanzaflowv1alpha1.Drill) bool { return d.Name == name })
	if i < 0 {
		return stanzaflowv1alpha1.Drill{}, fmt.Errorf("the Stanza has no drill %q", name)
	}
	return WithDefaults(c.Drills[i], c.DefaultRepo), nil
}

// WithDefaults fills what the user has left out of a drill.
func WithDefaults(d stanzaflowv1alpha1.Drill, repo int) stanzaflowv1alpha1.Drill {
	d.Repo = cmp.Or(d.Repo, fmt.Sprintf("repo%d", repo))
	d.Target = cmp.Or(d.Target, stanzaflowv1alpha1.TargetNewest)
	if d.Checks == nil {
		d.Checks = []stanzaflowv1alpha1.DrillCheck{stanzaflowv1alpha1.CheckDump}
	}
	return d
}
