// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Values of repoN-cipher-type.
const (
	cipherNone = "none"
	cipherAES  = "aes-256-cbc"
)

var ciphers = []string{cipherNone, cipherAES}

// acceptsCipher refuses a repo with a cipher that there is not, or that cannot be
// read: without the option its first backup would be made in the clear, and for
// ever. global tells.
func (t *translation) acceptsCipher(r repo) bool {
	global := t.in.Cluster.PgBackRest.Global
	cipher, set := global[pgbackrest.RepoOption(r.number, "cipher-type")]
	_, unnumbered := global[unnumberedRepo+"cipher-type"]
	unreadable := slices.ContainsFunc(t.in.FieldErrors, func(e cpo.FieldError) bool {
		return e.Field == section+".global."+pgbackrest.RepoOption(r.number, "cipher-type") || e.Field == section+".global" && global == nil
	})
	return !unreadable && (!set || slices.Contains(ciphers, cipher)) && (r.number != 1 || !unnumbered)
}

// checkCiphers finds the repos that are asked for another cipher than the one
// that their backups have. The configuration stays, so that archiving goes on;
// the schedules stay planned, and their runs say the same.
func (t *translation) checkCiphers(repos []repo) {
	for i, r := range repos {
		planned := t.plan.Repos[i]
		for _, known := range t.in.Known {
			if known.Name != planned.Name || known.Location != planned.Location || known.Cipher == planned.Cipher || !slices.Contains(ciphers, known.Cipher) {
				continue
			}
			elsewhere := "give the repo a new " + pgbackrest.RepoOption(r.number, "path")
			if r.Storage == cpo.StoragePVC {
				elsewhere = "make a new repo beside it"
			}
			t.problem(section+".global."+pgbackrest.RepoOption(r.number, "cipher-type"), vocab.ReasonCipherChanged,
				"asks for cipher %s, and the backups in %s have cipher %s; pgBackRest cannot change the cipher of a repo that has a stanza: set it back, or %s",
				planned.Cipher, r.Name, known.Cipher, elsewhere)
			t.plan.Keep.Configuration = true
		}
	}
}
