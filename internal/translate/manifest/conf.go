// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"maps"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Conf returns a configuration file of pgBackRest with the options of our stanza
// and of section global. Those of global that count only for a stanza go there:
// pgBackRest would ignore them in section global.
func Conf(stanza, global map[string]string) string {
	stanza, global = maps.Clone(stanza), maps.Clone(global)
	for key, value := range global {
		if name, err := option.Parse(key); err == nil && name.Option.StanzaOnly {
			stanza[key] = value
			delete(global, key)
		}
	}
	return pgbackrest.RenderConf(
		pgbackrest.Section{Name: vocab.PgBackRestStanza, Options: stanza},
		pgbackrest.Section{Name: "global", Options: global},
	)
}

// PostgreSQLOptions returns the options that say where PostgreSQL is in its pods,
// the same at both ends.
func PostgreSQLOptions() map[string]string {
	return map[string]string{"pg1-path": cpo.PGDataPath, "pg1-port": cpo.PGPort, "pg1-socket-path": cpo.PGSocketPath}
}
