//go:build pgbackrest

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
)

// TestTable: of every option, pgBackRest accepts and refuses the values that the
// table accepts and refuses.
func TestTable(t *testing.T) {
	for _, p := range programs {
		t.Run(p.release, func(t *testing.T) {
			for _, o := range option.All() {
				t.Run(o.Name, func(t *testing.T) {
					t.Parallel()
					checkOption(t, p, o)
				})
			}
		})
	}
}

func checkOption(t *testing.T, p program, o option.Option) {
	name := nameOf(t, o)
	known, good, bad := !later(o.Since, p.release), goodValues(o), badValues(o)
	at := newPlace(t)
	for _, value := range good {
		if err := name.Check(value); err != nil {
			t.Errorf("%s=%s: the table refuses it: %v", name, value, err)
		}
		says := says(t, p, at, name, value)
		since := name.Since(value)
		if says != "" && !later(since, p.release) {
			t.Errorf("%s=%s: pgBackRest %s refuses it: %s", name, value, p.release, says)
		}
		// Before 2.53 a unit is not refused: 2m is read as two seconds.
		if says == "" && o.Type != option.Time && since != o.Since && later(since, p.release) {
			t.Errorf("%s=%s: pgBackRest %s accepts it, before %s", name, value, p.release, since)
		}
	}
	for _, value := range bad {
		if name.Check(value) == nil && pgbackrest.CheckOption(name.String(), value) == nil {
			t.Errorf("%s=%s: the table accepts it", name, value)
		}
		if says := says(t, p, at, name, value); says == "" && known && !slices.Contains(onlySomePaths, o.Name) {
			t.Errorf("%s=%s: pgBackRest %s accepts it", name, value, p.release)
		}
	}
	if len(good) == 0 || len(bad) == 0 {
		t.Errorf("%d good and %d bad values prove nothing", len(good), len(bad))
	}
}

// onlySomePaths are paths in some releases and any text in others: pg-host-config
// from 2.58, pg-socket-path before 2.55.
var onlySomePaths = []string{"pg-host-config", "pg-socket-path"}

// later reports whether a release is later than another. Both are 2.x.
func later(release, than string) bool {
	return len(release) > len(than) || len(release) == len(than) && release > than
}

func nameOf(t *testing.T, o option.Option) option.Name {
	t.Helper()
	text := o.Name
	if group := string(o.Group()); group != "" {
		text = group + "1" + strings.TrimPrefix(text, group)
	}
	name, err := option.Parse(text)
	if err != nil || name.String() != text {
		t.Fatalf("%s is read as %s, %v", text, name, err)
	}
	return name
}

func goodValues(o option.Option) []string {
	limits := func(unit string) []string {
		if o.Max == 0 {
			return []string{"1" + unit}
		}
		return []string{fmt.Sprint(o.Min) + unit, fmt.Sprint(o.Max) + unit}
	}
	switch o.Type {
	case option.Boolean:
		return []string{"y", "n"}
	case option.Integer:
		return append(limits(""), "+1", "07")
	case option.Size:
		if len(o.Words) == 0 {
			return append(limits("B"), fmt.Sprint(o.Max), "8M", "8mib", "8Mb")
		}
		return append(words(o), "1m", "65536")
	case option.Time:
		return append(limits("ms"), fmt.Sprint(o.Min/1000+1), fmt.Sprint(o.Max/1000), "1M", "60S", "60")
	case option.Path, option.File:
		return []string{"/x", "/x/", "/"}
	case option.Word:
		return words(o)
	case option.URL:
		return []string{"s3.example.com", "https://s3.example.com:9000"}
	case option.Place:
		return []string{"cluster-1"}
	case option.Hash:
		switch o.Name {
		case "repo-block-size-map":
			return []string{"128MiB=512KiB"}
		case "repo-block-checksum-size-map":
			return []string{"512KiB=8"}
		case "repo-block-age-map":
			return []string{"7=2"}
		}
		return []string{"key=value"}
	case option.String, option.List:
	}
	return []string{"x"}
}

func words(o option.Option) []string {
	var texts []string
	for _, word := range o.Words {
		texts = append(texts, word.Text)
	}
	return texts
}

func badValues(o option.Option) []string {
	outside := func(unit string) []string {
		if o.Max == 0 {
			return nil
		}
		return []string{fmt.Sprint(o.Max+1) + unit}
	}
	switch o.Type {
	case option.Boolean:
		return []string{"", "Y", "true", "1"}
	case option.Integer:
		return append(outside(""), "", "x", "0x1", "1.5")
	case option.Size:
		return append(outside("B"), "", "x", "-1", "1.5MiB", "1 MiB", "1KKB", "99999999999999999999", "9999999PiB")
	case option.Time:
		return append(outside("ms"), "", "x", "-1", "99999999999999999999")
	case option.Path:
		return []string{"", "x", "/x//y"}
	case option.Word:
		return []string{"", "nonsense", strings.ToUpper(o.Words[0].Text)}
	case option.Hash:
		return []string{"", "x"}
	case option.String, option.List, option.URL, option.Place, option.File: // pgBackRest checks no more
	}
	return []string{""}
}

// says is what the commands that read an option say of a value, empty if they
// accept it.
func says(t *testing.T, p program, at place, name option.Name, value string) string {
	t.Helper()
	global, stanza := around(at, name.Option.Name+"="+value)
	section := global
	if name.Option.StanzaOnly {
		section = stanza
	}
	delete(global, name.String())
	delete(stanza, name.String())
	section[name.String()] = value
	conf := file("db", stanza) + file("global", global)
	for _, command := range commandsWith(name.Option.Name) {
		if says := p.verdict(t, at, command, conf); says != "" {
			return command + " " + says
		}
	}
	return ""
}

// file is a section as it is, good or not.
func file(section string, options map[string]string) string {
	var text strings.Builder
	text.WriteString("[" + section + "]\n")
	for _, key := range slices.Sorted(maps.Keys(options)) {
		text.WriteString(key + "=" + options[key] + "\n")
	}
	return text.String()
}

// around is a configuration in which pgBackRest reads an option with a value.
func around(at place, pair string) (global, stanza map[string]string) {
	global = map[string]string{
		"lock-path": at.lockPath(), "log-path": at.dir, "spool-path": at.dir, "log-level-console": "off", "log-level-file": "off", "log-level-stderr": "error",
		"repo1-path": filepath.Join(at.dir, "repo"), "repo1-retention-full": "1", "beta": "y",
	}
	stanza = map[string]string{"pg1-path": at.dir}
	for _, with := range []struct {
		prefix  string
		options string
	}{
		{"repo-s3", "repo1-type=s3 repo1-s3-bucket=b repo1-s3-endpoint=127.0.0.1 repo1-s3-region=r repo1-s3-key=k repo1-s3-key-secret=s"},
		{"repo-storage", "repo1-type=s3 repo1-s3-bucket=b repo1-s3-endpoint=127.0.0.1 repo1-s3-region=r repo1-s3-key=k repo1-s3-key-secret=s"},
		{"repo-azure", "repo1-type=azure repo1-azure-container=c repo1-azure-account=a repo1-azure-key=a2V5"},
		{"repo-gcs", "repo1-type=gcs repo1-gcs-bucket=b repo1-gcs-key=/k"},
		{"repo-sftp", "repo1-type=sftp repo1-sftp-host=h repo1-sftp-host-user=u repo1-sftp-host-key-hash-type=sha256 repo1-sftp-private-key-file=/k"},
		{"repo-sftp-host-fingerprint", "repo1-sftp-host-key-check-type=fingerprint"},
		{"repo-sftp-host-key-check-type=fingerprint", "repo1-sftp-host-fingerprint=f"},
		{"repo-type", "repo1-s3-bucket=b repo1-s3-endpoint=127.0.0.1 repo1-s3-region=r repo1-s3-key=k repo1-s3-key-secret=s " +
			"repo1-azure-container=c repo1-azure-account=a repo1-azure-key=a2V5 repo1-gcs-bucket=b repo1-gcs-key=/k " +
			"repo1-sftp-host=h repo1-sftp-host-user=u repo1-sftp-host-key-hash-type=sha256 repo1-sftp-private-key-file=/k"},
		{"repo-host", "repo1-host=h repo1-host-type=tls repo1-host-cert-file=/c repo1-host-key-file=/k"},
		{"pg-host", "pg1-host=h pg1-host-type=tls pg1-host-cert-file=/c pg1-host-key-file=/k"},
		{"repo-cipher", "repo1-cipher-pass=p"},
		{"repo-cipher-pass", "repo1-cipher-type=aes-256-cbc"},
		{"repo-b", "repo1-bundle=y"},
		{"repo-block-", "repo1-block=y"},
		{"repo-hardlink", "repo1-bundle=n"},
		{"spool-path", "archive-async=y"},
		{"tls-server", "tls-server-auth=a=b tls-server-ca-file=/a tls-server-cert-file=/c tls-server-key-file=/k"},
	} {
		if !strings.HasPrefix(pair, with.prefix) {
			continue
		}
		for pair := range strings.FieldsSeq(with.options) {
			key, value, _ := strings.Cut(pair, "=")
			section := global
			if strings.HasPrefix(key, "pg") {
				section = stanza
			}
			section[key] = value
		}
	}
	return global, stanza
}

// commandsWith are commands that read an option.
func commandsWith(name string) []string {
	switch {
	case strings.HasPrefix(name, "tls-server"):
		return []string{"server"}
	case strings.HasPrefix(name, "pg-"):
		return []string{"backup"}
	case name == "lock-path": // the other commands look for their stop file there
		return []string{"archive-push"}
	case strings.HasPrefix(name, "repo-host"):
		return []string{"archive-push"}
	case strings.HasPrefix(name, "archive-get"), name == "archive-missing-retry":
		return []string{"archive-get"}
	case slices.Contains([]string{"archive-mode", "db-exclude", "db-include", "link-all", "link-map", "recovery-option", "tablespace-map", "tablespace-map-all"}, name):
		return []string{"restore"}
	}
	return []string{"archive-push", "backup"}
}
