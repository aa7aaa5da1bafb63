// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"cmp"
	"fmt"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// Options of a repo that make its backups unreadable to others.
const (
	cipherType = "cipher-type"
	cipherPass = "cipher-pass"
)

// checkOptions finds mistakes in the files that pgBackRest reads in a container,
// or should read: from mistakes in a Secret nothing else protects, and a wrong
// one about a cipher is silent for ever. here says whether pgBackRest in this
// container reads and writes the repo itself, and not through another host.
//
// What stops pgBackRest as a whole counts for every repo, the rest for the repo
// of the run: another repo must not keep a backup of this one from being made.
func checkOptions(w wanted, at remote.Place, options []pgbackrest.FileOption, here bool) error {
	if err := checkSections(w, at, options); err != nil {
		return err
	}
	mine := func(name string) (pgbackrest.FileOption, bool) {
		for _, o := range options {
			if o.Read() && o.Repo == w.target.Repo && o.Name == name {
				return o, true
			}
		}
		return pgbackrest.FileOption{}, false
	}
	for _, o := range options {
		if o.Repo != w.target.Repo || o.Read() {
			continue
		}
		if _, read := mine(o.Name); !read {
			return stop("%s is set in %s, which pgBackRest in %s does not read: rename %s in %s, so that it ends in .conf", o, o.File, at, o.File, w.source(o.File))
		}
	}
	kind, hasType := mine(cipherType)
	pass, hasPass := mine(cipherPass)
	encrypted := w.target.Repository.Cipher != pgbackrest.CipherNone
	switch {
	case hasPass && !hasType && here:
		return stop("%s is set in %s in %s, but repo%d-%s is nowhere: backups would not be encrypted; write repo%d-%s: %s into spec.backup.pgbackrest.global, or remove %s from %s",
			pass, pass.File, at, pass.Repo, cipherType, pass.Repo, cipherType, pgbackrest.CipherAES256CBC, pass, w.source(pass.File))
	case hasType && !hasPass && encrypted:
		return stop("%s is set in %s in %s, but repo%d-%s is in no file that pgBackRest reads there: write it into a file *.conf of %s, under [global]",
			kind, kind.File, at, kind.Repo, cipherPass, cmp.Or(w.secretText(), "a Secret that configuration.secret names"))
	}
	return nil
}

// checkSections finds what pgBackRest refuses to start with, in any repo. It
// takes an option twice where the sections differ.
func checkSections(w wanted, at remote.Place, options []pgbackrest.FileOption) error {
	type place struct{ section, option string }
	seen := map[place]pgbackrest.FileOption{}
	for _, o := range options {
		if !o.Read() {
			continue
		}
		if o.Section == "" {
			return stop("%s in %s in %s is in no section, so that pgBackRest does not start: write [global] above it in %s", o, o.File, at, w.source(o.File))
		}
		key := place{o.Section, o.String()}
		first, twice := seen[key]
		if !twice {
			seen[key] = o
			continue
		}
		files := fmt.Sprintf("in %s and in %s", first.File, o.File)
		if first.File == o.File {
			files = "twice in " + o.File
		}
		return stop("%s is set %s in %s, so that pgBackRest does not start: remove it from %s", o, files, at, w.either(first.File, o.File))
	}
	return nil
}

// either names the one or two places where an option can be removed.
func (w wanted) either(one, other string) string {
	if a, b := w.source(one), w.source(other); a != b {
		return a + " or from " + b
	}
	return w.source(other)
}

func (w wanted) secretText() string {
	if w.secret == "" {
		return ""
	}
	return "Secret " + w.secret
}

// checkCipher: what the backups in a repo are encrypted with cannot be changed,
// so a backup with another cipher than asked for must not even begin.
func checkCipher(w wanted, at remote.Place, have string, options []pgbackrest.FileOption) error {
	want := w.target.Repository.Cipher
	if have == want {
		return nil
	}
	for _, o := range options {
		// Here the resource does not say what is so.
		if o.Read() && o.Repo == w.target.Repo && o.Name == cipherType && o.File != cpo.ConfigFileName {
			return stop("repo%d in %s has cipher %s, and the postgresql resource asks for %s: %s is set in %s; write it into spec.backup.pgbackrest.global, and remove it from %s",
				o.Repo, at, have, want, o, o.File, w.source(o.File))
		}
	}
	return stop("repo%d in %s has cipher %s, and the postgresql resource asks for %s: pgBackRest cannot change the cipher of a repo that has a stanza; set repo%d-%s back to %s in spec.backup.pgbackrest.global, or give the repo a new place",
		w.target.Repo, at, have, want, w.target.Repo, cipherType, have)
}
