// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const standardInput = "-"

// extensions are the files of a directory that kubectl reads, and we too. A file
// that the user names may have any extension.
var extensions = []string{".json", ".yaml", ".yml"}

// readInput reads everything that the flags name.
func readInput(options renderOptions, stdin io.Reader) input {
	in := input{namespace: options.namespace, stanzas: map[types.NamespacedName]stanzaInput{}}
	for _, name := range options.files {
		if name == standardInput {
			in.read(stdin, "standard input")
			continue
		}
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			in.readFile(name)
			continue
		}
		for _, file := range in.filesIn(os.DirFS(name), name, options.recursive) {
			in.readFile(file)
		}
	}
	return in
}

// filesIn returns the files of a directory in the order of their names.
func (in *input) filesIn(directory fs.FS, name string, recursive bool) []string {
	var files []string
	errorsBefore := len(in.errors)
	_ = fs.WalkDir(directory, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			in.fail(filepath.Join(name, path), "%s", plainFileError(err))
		case entry.IsDir() && path != "." && !recursive:
			return fs.SkipDir
		case !entry.IsDir() && slices.Contains(extensions, filepath.Ext(path)):
			files = append(files, filepath.Join(name, path))
		}
		return nil
	})
	if len(files) == 0 && len(in.errors) == errorsBefore {
		in.fail(name, "the directory has no files %s", strings.Join(extensions, ", "))
	}
	return files
}

func (in *input) readFile(name string) {
	f, err := os.Open(name) //nolint:gosec // The user names the file.
	if err != nil {
		in.fail(name, "%s", plainFileError(err))
		return
	}
	defer func() { _ = f.Close() }()
	in.read(f, name)
}

// plainFileError leaves out the system call and the name, which the message has.
func plainFileError(err error) string {
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

// read reads a stream of YAML or JSON documents. A document that cannot be read
// does not affect the others.
func (in *input) read(stream io.Reader, name string) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(stream))
	number, line := 1, 1
	for {
		document, err := reader.Read()
		if syntax := (utilyaml.YAMLSyntaxError{}); errors.As(err, &syntax) {
			in.fail(name, "there is text behind a ---, put it on the next line; nothing from line %d on is read", line)
			return
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			in.fail(name, "%s", plainFileError(err))
			return
		}
		for _, part := range splitJSON(document) {
			in.readDocument(part, fmt.Sprintf("%s, document %d (line %d)", name, number, line+linesBefore(part)), line)
			number++
			line += bytes.Count(part, newline)
		}
		line++ // the separator
	}
}

var newline = []byte("\n")

// splitJSON splits JSON objects that follow each other without a separator. The
// parts together are the document.
func splitJSON(document []byte) [][]byte {
	var parts [][]byte
	decoder := json.NewDecoder(bytes.NewReader(document))
	for start := int64(0); ; {
		var object map[string]json.RawMessage
		if err := decoder.Decode(&object); err != nil {
			rest := document[start:]
			if len(parts) == 0 || len(bytes.TrimSpace(rest)) > 0 {
				return append(parts, rest)
			}
			parts[len(parts)-1] = append(parts[len(parts)-1], rest...)
			return parts
		}
		end := decoder.InputOffset()
		parts = append(parts, document[start:end:end])
		start = end
	}
}

func (in *input) readDocument(document []byte, position string, firstLine int) {
	if textAfterEnd.Match(document) {
		in.fail(position, "has text after the line ...; separate documents by ---")
		return
	}
	b, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		in.fail(position, "is not valid YAML: %s", plainYAMLError(err, firstLine))
		return
	}
	var object map[string]any
	if err := json.Unmarshal(b, &object); err != nil {
		in.fail(position, "is not an object; it must have apiVersion, kind and metadata")
		return
	}
	in.add(object, position)
}

// textAfterEnd matches the end of a document that something follows. The decoder
// would not read that.
var textAfterEnd = regexp.MustCompile(`(?m)^\.\.\.\s*$(\s*(#.*)?$)*\s*^[^#\s]`)

// linesBefore counts the lines before the first one that says something.
func linesBefore(document []byte) int {
	lines := strings.Split(string(document), "\n")
	return max(0, slices.IndexFunc(lines, func(line string) bool {
		line = strings.TrimSpace(line)
		return line != "" && line != "---" && !strings.HasPrefix(line, "#")
	}))
}

var (
	yamlLine   = regexp.MustCompile(`line ([0-9]+)`)
	yamlQuoted = regexp.MustCompile("`[^`]*`")
)

// plainYAMLError counts lines from the top of the file, and repeats no value.
func plainYAMLError(err error, firstLine int) string {
	message := strings.ReplaceAll(err.Error(), "yaml: ", "")
	message = strings.TrimPrefix(message, "unmarshal errors:\n")
	lines := strings.Split(message, "\n")
	for i, line := range lines {
		line = yamlQuoted.ReplaceAllString(strings.TrimSpace(line), "the value")
		lines[i] = yamlLine.ReplaceAllStringFunc(line, func(found string) string {
			n, _ := strconv.Atoi(strings.TrimPrefix(found, "line "))
			return fmt.Sprintf("line %d", n+firstLine-1)
		})
	}
	return strings.Join(lines, "; ")
}
