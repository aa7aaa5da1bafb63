// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// Exec runs a command in the container of a pod that has pgBackRest.
func (k *Kit) Exec(t testing.TB, pod string, argv ...string) string {
	t.Helper()
	out, err := k.TryExec(t.Context(), pod, argv...)
	if err != nil {
		t.Fatalf("%s in %s: %v\n%s", strings.Join(argv, " "), pod, err, out)
	}
	return out
}

// TryExec is Exec that returns the error, and then all that the command printed.
func (k *Kit) TryExec(ctx context.Context, pod string, argv ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	container := cpo.ContainerPostgreSQL
	if pod == RepoHost {
		container = cpo.ContainerRepoHost
	}
	err := k.executor.Exec(ctx, remote.Place{Namespace: k.Namespace, Pod: pod, Container: container}, argv, &stdout, &stderr)
	if err != nil {
		return stdout.String() + stderr.String(), err
	}
	return stdout.String(), nil
}

// PSQL runs statements in database postgres and returns unaligned rows.
func (k *Kit) PSQL(t testing.TB, pod, statements string) string {
	t.Helper()
	return k.PSQLIn(t, pod, "postgres", statements)
}

// PSQLIn runs statements in a database and returns unaligned rows.
func (k *Kit) PSQLIn(t testing.TB, pod, database, statements string) string {
	t.Helper()
	return strings.TrimSpace(k.Exec(t, pod, psql(database, statements)...))
}

// TryPSQL is PSQL that returns the error.
func (k *Kit) TryPSQL(ctx context.Context, pod, statements string) (string, error) {
	out, err := k.TryExec(ctx, pod, psql("postgres", statements)...)
	return strings.TrimSpace(out), err
}

func psql(database, statements string) []string {
	return []string{
		"psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
		"-h", "/var/run/postgresql", "-U", "postgres", "-d", database, "-c", statements,
	}
}

// FakePgBackRest puts a pgbackrest before the real one in PATH. The branch is one of
// case " $* ", without its end: what it does not match goes to the real one. An
// empty branch removes the fake.
func (k *Kit) FakePgBackRest(t testing.TB, pod, branch string) {
	t.Helper()
	if err := k.TryFakePgBackRest(t.Context(), pod, branch); err != nil {
		t.Fatal(err)
	}
}

// TryFakePgBackRest is FakePgBackRest that returns the error.
func (k *Kit) TryFakePgBackRest(ctx context.Context, pod, branch string) error {
	script := "#!/bin/bash\ncase \" $* \" in\n" + branch + ";;\n*) exec /usr/bin/pgbackrest \"$@\";;\nesac\n"
	if branch == "" {
		script = "#!/bin/bash\nexec /usr/bin/pgbackrest \"$@\"\n"
	}
	out, err := k.TryExec(ctx, pod, "bash", "-c", `mkdir -p /home/postgres/bin && printf %s "$1" >/home/postgres/bin/next && chmod 755 /home/postgres/bin/next && mv /home/postgres/bin/next /home/postgres/bin/pgbackrest`, "-", script)
	if err != nil {
		return fmt.Errorf("cannot fake pgbackrest in %s: %w: %s", pod, err, out)
	}
	return nil
}
