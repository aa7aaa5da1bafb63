// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// checkPlaces compares what CPO has written into the pods with the resource: where
// the backups go and how they are encrypted, in every repo. It does not compare
// whole files, because CPO writes the lines in another order at most of its syncs.
func (p *precheck) checkPlaces(ctx context.Context) error {
	err := p.comparePlaces(ctx, p.primary, cpo.ConfigMapName(p.Cluster.Name), cpo.PrimaryLines(p.postgresql))
	if err != nil || !p.onRepoHost() {
		return err
	}
	return p.comparePlaces(ctx, p.host, cpo.RepoHostConfigMapName(p.Cluster.Name), cpo.RepoHostLines(p.postgresql))
}

func (p *precheck) comparePlaces(ctx context.Context, at remote.Place, configMap string, want []cpo.Line) error {
	file := path.Join(cpo.ConfigDir, cpo.ConfigFileName)
	out, err := p.Cluster.Capture(ctx, at, pgbackrest.PlacesCommand(file))
	switch code, ended := remote.ExitCode(err); {
	case !ended:
		return fmt.Errorf("cannot read %s in %s: %w", file, at, err)
	case code > 1:
		return attempt.Retry("cannot read %s in %s, where CPO's ConfigMap %s should be: grep exit code %d: %s", file, at, configMap, code, out.Complaint())
	}
	have, err := pgbackrest.ParsePlaces(out.Stdout.Bytes())
	if err != nil {
		return fmt.Errorf("in %s: %w", at, err)
	}
	if difference := differ(valuesOf(have), valuesOf(placesOf(want))); difference != "" {
		return attempt.Retry("%s in %s is not what the postgresql resource asks for: %s; Kubernetes projects a changed ConfigMap within about a minute; if it stays so, look at the ConfigMap %s, which CPO writes",
			file, at, difference, configMap)
	}
	return nil
}

// placesOf returns those lines that say where backups go.
func placesOf(lines []cpo.Line) []pgbackrest.PlaceOption {
	var places []pgbackrest.PlaceOption
	for _, line := range lines {
		if name, ok := pgbackrest.PlaceName(line.Name); ok {
			places = append(places, pgbackrest.PlaceOption{Section: line.Section, Name: name, Value: strings.TrimSpace(line.Value)})
		}
	}
	return places
}

// valuesOf returns the values of each option as pgBackRest uses them: those in the
// section of the stanza before those in global. CPO writes no other section; an
// option in one has a name of its own, so that it is always a difference.
func valuesOf(places []pgbackrest.PlaceOption) map[string][]string {
	global, stanza := map[string][]string{}, map[string][]string{}
	for _, place := range places {
		values, name := stanza, place.Name
		switch place.Section {
		case cpo.SectionStanza:
		case cpo.SectionGlobal:
			values = global
		default:
			name += " in section [" + place.Section + "]"
		}
		if !slices.Contains(values[name], place.Value) {
			values[name] = append(values[name], place.Value)
		}
	}
	maps.Copy(global, stanza)
	return global
}

// differ names the first option that differs, in the order of names, and how many
// more do.
func differ(have, want map[string][]string) string {
	first, more := "", 0
	names := maps.Clone(want)
	maps.Copy(names, have)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if sameValues(have[name], want[name]) {
			continue
		}
		if first != "" {
			more++
			continue
		}
		must := "be " + valueText(want[name])
		if want[name] == nil {
			must = "not be set"
		}
		first = fmt.Sprintf("%s is %s there, and must %s", name, valueText(have[name]), must)
	}
	if more > 0 {
		first += fmt.Sprintf(" (and %d more)", more)
	}
	return first
}

// sameValues compares the values of an option. The name of the repo host continues with
// the domain of the Kubernetes cluster, which only CPO knows.
func sameValues(have, want []string) bool {
	return slices.EqualFunc(slices.Sorted(slices.Values(have)), slices.Sorted(slices.Values(want)), func(have, want string) bool {
		return have == want || strings.HasSuffix(want, ".svc") && strings.HasPrefix(have, want+".")
	})
}

// valueText is for a message. A server may be given with a user and a password.
func valueText(values []string) string {
	text := strings.Join(values, " and ")
	switch {
	case values == nil:
		return "not set"
	case strings.Contains(text, "@"):
		return "set to what is not shown here"
	}
	return cmp.Or(text, "empty")
}
