// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// The two commands of this file are not pgBackRest's. They look at the files that it
// reads in the container. They are as fixed as the others, and neither prints the
// value of an option.

// ConfigDigestCommand prints the SHA-256 digest of a file, for ParseDigest.
func ConfigDigestCommand(path string) []string { return []string{"sha256sum", path} }

// namesPattern matches the sections and the names of the options of
// repositories, up to the equals sign: grep -o prints what matches and no more.
// Sections are needed because pgBackRest refuses the same option twice in one of
// them only.
const namesPattern = `^[[:space:]]*(repo[0-9]*-[a-z0-9-]+[[:space:]]*=|\[[A-Za-z0-9._:-]+\][[:space:]]*$)`

// OptionNamesCommand prints the names of the options of repositories in all
// files of a directory, for ParseOptionNames. Its exit code is 1 if there are none.
// It follows links: in a volume of Kubernetes every file is one.
func OptionNamesCommand(dir string) []string {
	return []string{"grep", "-R", "-o", "-E", namesPattern, dir}
}

var digest = regexp.MustCompile(`^([0-9a-f]{64}) `)

// ParseDigest reads the output of ConfigDigestCommand.
func ParseDigest(stdout []byte) (string, error) {
	match := digest.FindSubmatch(stdout)
	if match == nil {
		return "", errors.New("cannot read the output of sha256sum: it does not start with a digest")
	}
	return string(match[1]), nil
}

// FileOption is one option of a repository in a file. Its value is not known.
type FileOption struct {
	// File is relative to the directory.
	File string
	// Section is empty before the first one.
	Section string
	// Repo and Name are 1 and cipher-pass for repo1-cipher-pass.
	Repo int
	Name string
}

func (o FileOption) String() string { return RepoOption(o.Repo, o.Name) }

// Read reports whether pgBackRest reads the file: those of the directory itself
// that end in .conf.
func (o FileOption) Read() bool {
	return strings.HasSuffix(o.File, ".conf") && len(o.File) > len(".conf") && !strings.Contains(o.File, "/")
}

var (
	namedOption  = regexp.MustCompile(`^\s*repo([0-9]*)-([a-z0-9-]+)\s*=$`)
	namedSection = regexp.MustCompile(`^\s*\[([A-Za-z0-9._:-]+)\]\s*$`)
)

// ParseOptionNames reads the output of OptionNamesCommand for the same directory,
// in its order. In a volume of Kubernetes each file is there under its own name
// and twice more in directories whose names start with two dots.
//
// An error never has the text: it could be a value in the wrong place.
func ParseOptionNames(stdout []byte, dir string) ([]FileOption, error) {
	var options []FileOption
	section := map[string]string{}
	for line := range strings.Lines(string(stdout)) {
		file, text, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		file, inside := strings.CutPrefix(file, strings.TrimSuffix(dir, "/")+"/")
		if !ok || !inside || file == "" {
			return nil, errors.New("cannot read the output of grep: a line does not name a file of the directory")
		}
		if strings.HasPrefix(file, "..") {
			continue
		}
		if match := namedSection.FindStringSubmatch(text); match != nil {
			section[file] = match[1]
			continue
		}
		match := namedOption.FindStringSubmatch(text)
		if match == nil {
			return nil, errors.New("cannot read the output of grep: a line is neither a section nor an option of a repository")
		}
		// pgBackRest takes the old repo-path for repo1-path.
		repo := 1
		if match[1] != "" {
			var err error
			if repo, err = strconv.Atoi(match[1]); err != nil {
				continue // A number that no repository has.
			}
		}
		options = append(options, FileOption{File: file, Section: section[file], Repo: repo, Name: match[2]})
	}
	return options, nil
}
