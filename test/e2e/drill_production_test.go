// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// nobody holds a slot that is free.
const nobody = "nobody"

// production is a primary that a copy of its data can harm. Database sub subscribes to
// database pub through the Service, so each copy of sub knows how to reach the slot. A job
// of pg_cron writes into table effect through the Service, too, and PostgreSQL notes from
// which address: a row shows which copy has run the job.
type production struct {
	*kit.Kit

	// address of the primary's pod.
	address string
}

func newProduction(t *testing.T, k *kit.Kit) *production {
	t.Helper()
	for _, setting := range []string{"wal_level = logical", "log_connections = on", "shared_preload_libraries = 'pg_cron'", "cron.use_background_workers = on"} {
		k.PSQL(t, kit.Primary, "ALTER SYSTEM SET "+setting)
	}
	k.Exec(t, kit.Primary, "bash", "-c", `echo "host all all all scram-sha-256" >>"$1/pg_hba.conf"`, "-", cpo.PGDataPath) //nolint:dupword // every database, role and address
	restartPrimary(t, k)
	p := &production{Kit: k}
	p.address = p.addressOf(t, kit.Primary)
	service := "host=cluster." + k.Namespace + ".svc port=5432 user=worker password=only-for-the-test dbname="

	k.PSQL(t, kit.Primary, `CREATE ROLE worker LOGIN REPLICATION PASSWORD 'only-for-the-test';
CREATE TABLE effect (at timestamptz DEFAULT clock_timestamp(), source inet DEFAULT inet_client_addr());
GRANT INSERT ON effect TO worker;
CREATE EXTENSION dblink; CREATE EXTENSION pg_cron;`)
	k.PSQL(t, kit.Primary, `SELECT cron.schedule('effect', '2 seconds', $$SELECT dblink_exec('`+service+`postgres', 'INSERT INTO effect DEFAULT VALUES')$$)`)
	p.awaitEffect(t, p.address)

	for _, database := range []string{"pub", "sub"} {
		k.PSQL(t, kit.Primary, "CREATE DATABASE "+database)
		k.PSQLIn(t, kit.Primary, database, "CREATE TABLE ledger (id int PRIMARY KEY)")
	}
	k.PSQLIn(t, kit.Primary, "pub", "CREATE PUBLICATION live FOR TABLE ledger")
	// Within one instance CREATE SUBSCRIPTION would wait for itself to make the slot.
	k.PSQLIn(t, kit.Primary, "pub", "SELECT pg_create_logical_replication_slot('live', 'pgoutput')")
	k.PSQLIn(t, kit.Primary, "sub", "CREATE SUBSCRIPTION live CONNECTION '"+service+"pub' PUBLICATION live WITH (create_slot = false, slot_name = 'live', copy_data = false)")
	p.awaitHolder(t, p.address)
	p.checkReplicates(t, 0)
	return p
}

// restartPrimary gives PostgreSQL a new pod, for settings that need a restart.
func restartPrimary(t *testing.T, k *kit.Kit) {
	t.Helper()
	var before corev1.Pod
	k.Get(t, kit.Primary, &before)
	k.DeletePod(t, kit.Primary)
	wait.Until(t, 3*time.Minute, kit.Primary+" is another pod", func() (bool, string) {
		var pod corev1.Pod
		err := k.TryGet(t.Context(), kit.Primary, &pod)
		return err == nil && pod.UID != before.UID, fmt.Sprintf("%v, %s %s", err, pod.UID, pod.Status.Phase)
	})
	k.AwaitPod(t, kit.Primary)
}

func (p *production) addressOf(t *testing.T, name string) string {
	t.Helper()
	var pod corev1.Pod
	p.Get(t, name, &pod)
	return pod.Status.PodIP
}

// checkReplicates inserts a row into pub, and waits for it in sub.
func (p *production) checkReplicates(t *testing.T, id int) {
	t.Helper()
	row := fmt.Sprintf("(%d)", id)
	p.PSQLIn(t, kit.Primary, "pub", "INSERT INTO ledger VALUES "+row)
	wait.Until(t, time.Minute, "row "+row+" is replicated", func() (bool, string) {
		got := p.PSQLIn(t, kit.Primary, "sub", "SELECT coalesce(string_agg(id::text, ' '), 'no row') FROM ledger WHERE id = "+row)
		return got == fmt.Sprint(id), got + "; " + p.replication(t)
	})
}

// holder is the address of the client that has the slot.
func (p *production) holder(t *testing.T) string {
	t.Helper()
	return p.PSQL(t, kit.Primary, `SELECT coalesce(host(a.client_addr), '`+nobody+`') FROM pg_replication_slots s
LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid AND a.backend_type = 'walsender' WHERE s.slot_name = 'live'`)
}

func (p *production) awaitHolder(t *testing.T, address string) {
	t.Helper()
	wait.Until(t, 2*time.Minute, "the slot belongs to "+address, func() (bool, string) {
		holder := p.holder(t)
		return holder == address, holder + "; " + p.replication(t)
	})
}

// replication is what PostgreSQL says about slot and subscription.
func (p *production) replication(t *testing.T) string {
	t.Helper()
	return p.PSQL(t, kit.Primary, `SELECT 'slot ' || s || ', walsenders ' || coalesce((SELECT string_agg(r::text, ' ') FROM pg_stat_replication r), 'none')
|| ', subscription ' || coalesce((SELECT string_agg(b::text, ' ') FROM pg_stat_subscription b), 'none') FROM pg_replication_slots s`)
}

// freeSlot ends the connection of production's subscription and refuses another one from
// its address, so that anybody else can take the slot. The subscription stays enabled, also
// in a copy. The result gives the slot back.
func (p *production) freeSlot(t *testing.T) (giveBack func()) {
	t.Helper()
	hba := func(script string) {
		p.Exec(t, kit.Primary, "sed", "-i", script, cpo.PGDataPath+"/pg_hba.conf")
		p.PSQL(t, kit.Primary, "SELECT pg_reload_conf()")
	}
	hba("1i host pub worker " + p.address + "/32 reject")
	wait.Until(t, time.Minute, "production has left the slot", func() (bool, string) {
		p.PSQL(t, kit.Primary, "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE client_addr = '"+p.address+"'")
		holder := p.holder(t)
		return holder != p.address, holder
	})
	return func() { hba("1d") }
}

// awaitEffect waits until the job has run at an address.
func (p *production) awaitEffect(t *testing.T, address string) {
	t.Helper()
	since := time.Now()
	wait.Until(t, 2*time.Minute, "the job runs at "+address, func() (bool, string) {
		sources := p.PSQL(t, kit.Primary, "SELECT count(*) FROM effect WHERE source = '"+address+"' AND at >= "+at(since))
		details := p.PSQL(t, kit.Primary, "SELECT coalesce(string_agg(d::text, ' '), 'none') FROM (SELECT status, return_message, start_time FROM cron.job_run_details ORDER BY runid DESC LIMIT 3) d")
		return sources != "0", fmt.Sprintf("%s rows from there; rows from %s; last runs in production: %s", sources, p.sources(t, since), details)
	})
}

// sources are the addresses at which the job has run.
func (p *production) sources(t *testing.T, since time.Time) string {
	t.Helper()
	return p.PSQL(t, kit.Primary, "SELECT coalesce(string_agg(DISTINCT host(source), ' '), 'nowhere') FROM effect WHERE at >= "+at(since))
}

func at(moment time.Time) string {
	return "'" + moment.UTC().Format("2006-01-02 15:04:05.000000") + "+00'"
}

var connection = regexp.MustCompile(`connection received: host=(\S+)`)

// strangers are the addresses of others that have connected to production: PostgreSQL logs
// each connection, also one that it refuses and one too short to be seen otherwise.
func (p *production) strangers(t *testing.T, since time.Time) []string {
	t.Helper()
	log := program.Kubectl(t, "logs", "-n", p.Namespace, kit.Primary, "-c", cpo.ContainerPostgreSQL, "--since-time="+since.UTC().Format(time.RFC3339Nano))
	var found []string
	for _, match := range connection.FindAllStringSubmatch(log, -1) {
		if match[1] != "[local]" && match[1] != p.address {
			found = append(found, match[1])
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
