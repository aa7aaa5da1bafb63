// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// Options that have older names.
const (
	storageHost = "storage-host"
	storagePort = "storage-port"
)

// placeNames are the options of a repository that say where its backups go and how
// they are encrypted. None of them is a secret.
var placeNames = []string{
	"type", "path", "host", "cipher-type", storageHost, storagePort,
	"s3-bucket", "s3-endpoint", "s3-region", "gcs-bucket", "gcs-endpoint",
	"azure-container", "azure-account", "azure-endpoint",
}

// oldPlaceNames are the older names of some of them, without their number.
var oldPlaceNames = map[string]string{
	"s3-host": storageHost, "azure-host": storageHost,
	"s3-port": storagePort, "azure-port": storagePort,
}

// oldRepoHost is the older name of repo1-host.
const oldRepoHost = "backup-host"

// placesPattern matches the sections, and the lines with those options.
const placesPattern = `^[[:space:]]*((repo[0-9]*-(type|path|host|cipher-type|storage-host|storage-port|s3-bucket|s3-endpoint|s3-region|s3-host|s3-port` +
	`|gcs-bucket|gcs-endpoint|azure-container|azure-account|azure-endpoint|azure-host|azure-port)|backup-host)[[:space:]]*=|\[[A-Za-z0-9._:-]+\][[:space:]]*$)`

// PlacesCommand prints the options of a file that say where backups go, with their
// values, for ParsePlaces. Its exit code is 1 if there are none.
func PlacesCommand(file string) []string { return []string{"grep", "-E", placesPattern, file} }

// PlaceOption is an option that says where the backups of a repository go.
type PlaceOption struct {
	Section string
	// Name is that of PlaceName.
	Name  string
	Value string
}

var placedOption = regexp.MustCompile(`^\s*([a-z0-9-]+)\s*=(.*)$`)

// ParsePlaces reads the output of PlacesCommand. An error never has the text.
func ParsePlaces(stdout []byte) ([]PlaceOption, error) {
	var places []PlaceOption
	section := ""
	for line := range strings.Lines(string(stdout)) {
		line = strings.TrimRight(line, "\r\n")
		if match := namedSection.FindStringSubmatch(line); match != nil {
			section = match[1]
			continue
		}
		match := placedOption.FindStringSubmatch(line)
		if match == nil {
			return nil, errors.New("cannot read the output of grep: a line is neither a section nor an option")
		}
		name, ok := PlaceName(match[1])
		if !ok {
			return nil, errors.New("cannot read the output of grep: a line has another option")
		}
		places = append(places, PlaceOption{Section: section, Name: name, Value: strings.TrimSpace(match[2])})
	}
	return places, nil
}

var repoOption = regexp.MustCompile(`^repo([0-9]*)-([a-z0-9-]+)$`)

// PlaceName returns the present name of an option, repo1-storage-host for
// repo1-s3-host, and whether it says where backups go.
func PlaceName(option string) (string, bool) {
	if option == oldRepoHost {
		return "repo1-host", true
	}
	match := repoOption.FindStringSubmatch(option)
	if match == nil {
		return "", false
	}
	number, name := match[1], match[2]
	if number == "" {
		number = "1"
	}
	if present, ok := oldPlaceNames[name]; ok {
		name = present
	}
	return "repo" + number + "-" + name, slices.Contains(placeNames, name)
}
