// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"strings"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/set"
)

// PostgresUID is the user and group of the PostgreSQL images. It is the same in all
// of them, so that a volume can move between versions. 26 is PostgreSQL's number in
// the Red Hat family, which CPO's images belong to.
const PostgresUID = "26"

// ArchiveDatabase is the image for the database of Argo's archive. Every set has it.
const ArchiveDatabase = Registry + "/postgres:17-pgbackrest-2.55"

// postgres returns an image with PostgreSQL and pgBackRest of a Debian release. The
// image starts nothing: the tests decide how PostgreSQL runs.
func postgres(of set.Set, suite, postgresVersion, pgbackrestVersion string) Image {
	return Image{
		Name: "postgres",
		Tag:  postgresVersion + "-pgbackrest-" + pgbackrestVersion,
		For:  of,
		Debian: &Debian{
			Suite: suite,
			Packages: []string{
				"postgresql-" + postgresVersion, "pgbackrest",
				"ca-certificates", "curl", "jq", "openssl", "procps",
				// With this a test can give a program another clock.
				"libfaketime",
				// A drill must not run the jobs of a database that has some.
				"postgresql-" + postgresVersion + "-cron",
			},
			Before: []string{
				// Create the account before the packages create one with a number that
				// depends on their order. Debian gives 26 to the tape group.
				`sed -i "/^tape:/d" "$1/etc/group"`,
				`echo "postgres:*:` + PostgresUID + `:" >> "$1/etc/group"`,
				`echo "postgres:*:` + PostgresUID + `:` + PostgresUID + `:PostgreSQL:/home/postgres:/bin/bash" >> "$1/etc/passwd"`,
				`install -d -o ` + PostgresUID + ` -g ` + PostgresUID + ` -m 0750 "$1/home/postgres"`,
				// Create no cluster: a test's volume holds the data directory.
				`mkdir -p "$1/etc/postgresql-common"; echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"`,
			},
			After: []string{
				// Debian's own configuration sets repo1-path, which would collide with
				// the options that a test sets; CPO's images read conf.d only.
				`rm -f "$1/etc/pgbackrest.conf"; mkdir -p "$1/etc/pgbackrest/conf.d"`,
				`install -d -o ` + PostgresUID + ` -g ` + PostgresUID + ` -m 2775 "$1/run/postgresql"`,
				`chown -R ` + PostgresUID + `:` + PostgresUID + ` "$1/var/lib/pgbackrest" "$1/var/log/pgbackrest"`,
				// Just-in-time compilation is half of the image; a server without it is complete.
				`rm -rf "$1"/usr/lib/llvm-* "$1"/usr/lib/*/libLLVM* "$1"/usr/lib/*/libz3* "$1"/usr/lib/postgresql/*/lib/bitcode "$1"/usr/lib/postgresql/*/lib/llvmjit*`,
				// Every copy of the image would share this private key, and it would
				// differ in each build.
				`rm -f "$1/etc/ssl/private/ssl-cert-snakeoil.key" "$1/etc/ssl/certs/ssl-cert-snakeoil.pem"`,
			},
		},
		User: PostgresUID + ":" + PostgresUID,
		Env: []string{
			"PATH=" + strings.Join([]string{"/usr/lib/postgresql/" + postgresVersion + "/bin", defaultPath}, ":"),
			"LANG=C.UTF-8",
			"HOME=/home/postgres",
		},
		WorkDir: "/home/postgres",
		Command: []string{"bash"},
	}
}
