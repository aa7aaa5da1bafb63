// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package option

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Conflict is an option that does not go with the others.
type Conflict struct {
	Name Name
	// Harmless is true if pgBackRest accepts the option and ignores it.
	Harmless bool
	// Since is the release that first accepts the option beside the others, empty if
	// none does.
	Since string
	// Until is the release that first refuses it, empty if all releases agree.
	Until string
	// Message says why, and what to do, in one clause about the option.
	Message string
}

// Set is all options that a command reads, with their values.
type Set map[Name]string

// SetOf returns the options of a file that pgBackRest accepts, each alone. It leaves
// out the others.
func SetOf(file map[string]string) Set {
	s := make(Set, len(file))
	for key, value := range file {
		if name, err := Parse(key); err == nil && name.Check(value) == nil {
			s[name] = value
		}
	}
	return s
}

// Conflicts returns what is wrong with options that are all good alone, sorted by
// name.
func (s Set) Conflicts() []Conflict {
	repos := s.repos()
	found := slices.Concat(s.compression(), s.timeouts(), s.localPaths(repos), s.switchedOff())
	for _, repo := range repos {
		found = append(found, slices.Concat(s.bucketWithDots(repo), s.fingerprint(repo), s.chunkSize(repo))...)
	}
	slices.SortFunc(found, func(a, b Conflict) int {
		return cmp.Or(strings.Compare(a.Name.String(), b.Name.String()), strings.Compare(a.Message, b.Message))
	})
	return found
}

// nameOf is a name in the table with a number, 0 for an option without one.
func nameOf(option string, number int) Name { return Name{Option: options[option], Number: number} }

// of is the value of an option of one repo, or its default. An option without a
// number has number 0.
func (s Set) of(number int, option, byDefault string) string {
	return cmp.Or(s[nameOf(option, number)], byDefault)
}

// repos are the numbers of the repos that have an option, sorted.
func (s Set) repos() []int {
	var numbers []int
	for name := range s {
		if name.Option.Group() == Repo && !slices.Contains(numbers, name.Number) {
			numbers = append(numbers, name.Number)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// levels are the lowest and the highest compress-level of each compress-type.
var levels = map[string][2]int64{"bz2": {1, 9}, "gz": {-1, 9}, "lz4": {-5, 12}, "zst": {-7, 22}}

func (s Set) compression() []Conflict {
	byDefault := "gz"
	if s.of(0, "compress", "y") == "n" {
		byDefault = "none"
	}
	name, kind := nameOf("compress-level", 0), s.of(0, "compress-type", byDefault)
	level, err := strconv.ParseInt(s[name], 10, 64)
	if limits, ok := levels[kind]; ok && err == nil && (level < limits[0] || level > limits[1]) {
		return []Conflict{{Name: name, Message: fmt.Sprintf("must be from %d to %d for compress-type %s", limits[0], limits[1], kind)}}
	}
	return nil
}

func (s Set) timeouts() []Conflict {
	name := nameOf("protocol-timeout", 0)
	protocol, hasProtocol := parseTime(s[name])
	database, hasDatabase := parseTime(s.of(0, "db-timeout", ""))
	if hasProtocol && hasDatabase && protocol <= database {
		return []Conflict{{Name: name, Message: "must be longer than db-timeout"}}
	}
	return nil
}

// localPaths finds repos on one path of the same pod.
func (s Set) localPaths(repos []int) []Conflict {
	var found []Conflict
	takenBy := map[string]int{}
	for _, repo := range repos {
		kind := s.of(repo, "repo-type", "posix")
		if kind != "posix" && kind != "cifs" || s.of(repo, "repo-host", "") != "" {
			continue
		}
		path := kind + strings.TrimRight(s.of(repo, "repo-path", "/var/lib/pgbackrest"), "/")
		if first, taken := takenBy[path]; taken {
			found = append(found, s.samePath(repo, first))
			continue
		}
		takenBy[path] = repo
	}
	return found
}

// samePath is the conflict of a local repo whose path is that of another. It names
// an option that is set, since the path may be the default.
func (s Set) samePath(repo, first int) Conflict {
	differs := fmt.Sprintf("must differ from that of repo%d, because both repos are local", first)
	path := nameOf("repo-path", repo)
	if _, set := s[path]; set {
		return Conflict{Name: path, Message: differs}
	}
	var names []string
	for name := range s {
		if name.Option.Group() == Repo && name.Number == repo {
			names = append(names, name.Option.Name)
		}
	}
	return Conflict{Name: nameOf(slices.Min(names), repo), Message: fmt.Sprintf("needs %s, which %s", path, differs)}
}

func (s Set) bucketWithDots(repo int) []Conflict {
	bucket := nameOf("repo-s3-bucket", repo)
	if !strings.Contains(s[bucket], ".") || s.of(repo, "repo-storage-verify-tls", "y") == "n" {
		return nil
	}
	conflict := Conflict{Name: bucket, Message: fmt.Sprintf(
		"has a dot, and no certificate is valid for the host bucket.endpoint then; use a bucket without dots, or from pgBackRest 2.58 on %s=path",
		nameOf("repo-s3-uri-style", repo))}
	if s.of(repo, "repo-s3-uri-style", "host") == "path" {
		conflict.Since, conflict.Message = "2.58", "has a dot"
	}
	return []Conflict{conflict}
}

func (s Set) fingerprint(repo int) []Conflict {
	check, host := nameOf("repo-sftp-host-key-check-type", repo), nameOf("repo-sftp-host-fingerprint", repo)
	_, isSet := s[host]
	kind, hasKind := s[check]
	switch {
	case s.of(repo, "repo-type", "posix") != "sftp":
	case isSet && kind == "strict":
		return []Conflict{{Name: host, Message: "goes only with " + check.String() + "=fingerprint"}}
	case isSet && hasKind && kind != "fingerprint":
		return []Conflict{{Name: host, Harmless: true, Message: "has no effect without " + check.String() + "=fingerprint"}}
	case kind == "fingerprint" && !isSet:
		return []Conflict{{Name: check, Message: "needs " + host.String()}}
	}
	return nil
}

// chunkSize finds sizes that releases from 2.58 refuse.
func (s Set) chunkSize(repo int) []Conflict {
	name := nameOf("repo-storage-upload-chunk-size", repo)
	bytes, ok := parseSize(s[name])
	smallest, known := map[string]int64{"azure": 4 * mib, "gcs": 4 * mib, "s3": 5 * mib}[s.of(repo, "repo-type", "posix")]
	if !ok || !known || bytes >= smallest && bytes <= gib {
		return nil
	}
	return []Conflict{{Name: name, Until: "2.58", Message: fmt.Sprintf("must be from %s to 1GiB", formatSize(smallest))}}
}
