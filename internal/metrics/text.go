// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// pieceBytes is how much text is written at once.
const pieceBytes = 32 << 10

// writeText writes the text that Prometheus reads, version 0.0.4: the samples, and the
// families of others, all in the order of their names. It drops the samples that it has
// written.
func writeText(w io.Writer, s *samples, others []*dto.MetricFamily) error {
	ours := slices.SortedFunc(slices.Values(families), func(a, b *family) int { return cmp.Compare(a.name, b.name) })
	for _, of := range ours {
		for ; len(others) > 0 && others[0].GetName() <= of.name; others = others[1:] {
			if others[0].GetName() == of.name {
				return fmt.Errorf("two metrics have the name %s", of.name)
			}
			if _, err := expfmt.MetricFamilyToText(w, others[0]); err != nil {
				return err
			}
		}
		if err := s.write(w, of); err != nil {
			return err
		}
	}
	for _, other := range others {
		if _, err := expfmt.MetricFamilyToText(w, other); err != nil {
			return err
		}
	}
	return nil
}

// write writes a family, and nothing if it has no samples.
func (s *samples) write(w io.Writer, of *family) error {
	found, err := s.sorted(of)
	s.of[of.index] = nil
	if err != nil || len(found) == 0 {
		return err
	}
	text := make([]byte, 0, pieceBytes+pieceBytes/8)
	text = fmt.Appendf(text, "# HELP %s %s\n# TYPE %s %s\n", of.name, escapeHelp.Replace(of.help), of.name, of.kind)
	for _, is := range found {
		text = s.line(text, of, is)
		if len(text) < pieceBytes {
			continue
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		text = text[:0]
	}
	_, err = w.Write(text)
	return err
}

// line appends one sample.
func (s *samples) line(text []byte, of *family, is sample) []byte {
	text = append(text, of.name...)
	separator, cluster := byte('{'), &s.clusters[is.cluster]
	for _, label := range of.labels {
		text = append(text, separator)
		text = append(append(text, label.name...), '=', '"')
		switch label.from {
		case fromNamespace:
			text = appendValue(text, cluster.Namespace)
		case fromCluster:
			text = appendValue(text, cluster.Name)
		case fromBoth:
			text = appendValue(text, cluster.Namespace)
			text = appendValue(append(text, '/'), cluster.Name)
		default:
			text = appendValue(text, s.values[is.values][label.from])
		}
		text = append(text, '"')
		separator = ','
	}
	text = append(text, '}', ' ')
	text = strconv.AppendFloat(text, is.value, 'g', -1, 64)
	return append(text, '\n')
}

// What is escaped in a HELP, and in the value of a label.
var (
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	escapeValue = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func appendValue(text []byte, value string) []byte {
	if strings.ContainsAny(value, "\\\n\"") {
		value = escapeValue.Replace(value)
	}
	return append(text, value...)
}
