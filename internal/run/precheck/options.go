// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"cmp"
	"context"
	"fmt"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
)

// Options of a repo that make its backups unreadable to others.
const (
	cipherType = "cipher-type"
	cipherPass = "cipher-pass"
)

// checkOptions finds mistakes in the files that pgBackRest reads in a container,
// or should read. Nothing else protects from mistakes in a Secret, and a wrong
// option about a cipher stays silent for ever. With here, pgBackRest in this
// container reads and writes the repo itself, and not through another host.
//
// What stops pgBackRest as a whole counts for every repo, the rest for the repo
// of the run: another repo must not keep a backup of this one from being made.
func (p *precheck) checkOptions(at remote.Place, options []pgbackrest.FileOption, here bool) error {
	if err := p.checkSections(at, options); err != nil {
		return err
	}
	repo := p.target.Repo
	mine := func(name string) (pgbackrest.FileOption, bool) {
		for _, o := range options {
			if o.Read() && o.Repo == repo && o.Name == name {
				return o, true
			}
		}
		return pgbackrest.FileOption{}, false
	}
	for _, o := range options {
		if o.Repo != repo || o.Read() {
			continue
		}
		if _, read := mine(o.Name); !read {
			return attempt.Stop("%s is set in %s, which pgBackRest in %s does not read: rename %s in %s, so that it ends in .conf", o, o.File, at, o.File, p.sourceOf(o.File))
		}
	}
	kind, hasType := mine(cipherType)
	pass, hasPass := mine(cipherPass)
	encrypted := p.target.Repository.Cipher != pgbackrest.CipherNone
	switch {
	case hasPass && !hasType && here:
		return attempt.Stop("%s is set in %s in %s, but repo%d-%s is nowhere: backups would not be encrypted; write repo%d-%s: %s into spec.backup.pgbackrest.global, or remove %s from %s",
			pass, pass.File, at, pass.Repo, cipherType, pass.Repo, cipherType, pgbackrest.CipherAES256CBC, pass, p.sourceOf(pass.File))
	case hasType && !hasPass && encrypted:
		return attempt.Stop("%s is set in %s in %s, but repo%d-%s is in no file that pgBackRest reads there: write it into a file *.conf of %s, under [global]",
			kind, kind.File, at, kind.Repo, cipherPass, cmp.Or(p.secret(), "a Secret that configuration.secret names"))
	}
	return nil
}

// checkSections finds what pgBackRest refuses to start with, in any repo. It
// accepts an option twice if the sections differ.
func (p *precheck) checkSections(at remote.Place, options []pgbackrest.FileOption) error {
	type position struct{ section, option string }
	seen := map[position]pgbackrest.FileOption{}
	for _, o := range options {
		if !o.Read() {
			continue
		}
		if o.Section == "" {
			return attempt.Stop("%s in %s in %s is in no section, so that pgBackRest does not start: write [global] above it in %s", o, o.File, at, p.sourceOf(o.File))
		}
		key := position{o.Section, o.String()}
		first, twice := seen[key]
		if !twice {
			seen[key] = o
			continue
		}
		files := fmt.Sprintf("in %s and in %s", first.File, o.File)
		if first.File == o.File {
			files = "twice in " + o.File
		}
		return attempt.Stop("%s is set %s in %s, so that pgBackRest does not start: remove it from %s", o, files, at, p.eitherSourceOf(first.File, o.File))
	}
	return nil
}

// checkCipher compares the cipher of the repo with the one that the postgresql
// asks for. What the backups in a repo are encrypted with cannot be changed, so a
// backup with another cipher must not even begin.
func (p *precheck) checkCipher(context.Context) error {
	repo, _ := p.info.Repo(p.target.Repo)
	have, want := repo.Cipher, p.target.Repository.Cipher
	if have == want {
		return nil
	}
	for _, o := range p.hostOptions {
		// The resource is not where the cipher is set.
		if o.Read() && o.Repo == p.target.Repo && o.Name == cipherType && o.File != cpo.ConfigFileName {
			return attempt.Stop("repo%d in %s has cipher %s, and the postgresql resource asks for %s: %s is set in %s; write it into spec.backup.pgbackrest.global, and remove it from %s",
				o.Repo, p.host, have, want, o, o.File, p.sourceOf(o.File))
		}
	}
	return attempt.Stop("repo%d in %s has cipher %s, and the postgresql resource asks for %s: pgBackRest cannot change the cipher of a repo that has a stanza; set repo%d-%s back to %s in spec.backup.pgbackrest.global, or give the repo a new location",
		p.target.Repo, p.host, have, want, p.target.Repo, cipherType, have)
}

// sourceOf says what to change if an option in a file of the configuration
// directory is wrong.
func (p *precheck) sourceOf(file string) string {
	if file == cpo.ConfigFileName || file == manifest.CredentialFileName {
		// The operator writes these.
		return "spec.backup.pgbackrest of the postgresql resource"
	}
	return cmp.Or(p.secret(), "what is mounted at "+cpo.ConfigDir)
}

// eitherSourceOf names the one or two sources of two files.
func (p *precheck) eitherSourceOf(one, other string) string {
	if a, b := p.sourceOf(one), p.sourceOf(other); a != b {
		return a + " or from " + b
	}
	return p.sourceOf(other)
}

// secret names the Secret of the user, empty if there is none.
func (p *precheck) secret() string {
	if p.postgresql.PgBackRest == nil || p.postgresql.PgBackRest.Secret == "" {
		return ""
	}
	return "Secret " + p.postgresql.PgBackRest.Secret
}
