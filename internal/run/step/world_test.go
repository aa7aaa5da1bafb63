// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// The run that the tests make unless they say otherwise.
const (
	testNamespace = "shop"
	testCluster   = "orders"
	testWorkflow  = "orders-repo1-full-1772326800"
	testRun       = "6f1f2a52-0c0e-4d6b-9a5e-1b5f3c1d7e11"
	testPod       = "orders-0"
	testRepoHost  = "orders-pgbackrest-repo-host-0"
)

var testStart = time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)

// world is a cluster with one PostgreSQL, a pgBackRest that works and a repo.
type world struct {
	t  *testing.T
	mu sync.Mutex

	clock jumpingClock

	cluster     cpo.Postgresql
	fieldErrors []cpo.FieldError
	// clusterError and podsError come from the API server.
	clusterError, podsError, stanzaError error
	stanza                               stanzaflowv1alpha1.Stanza
	pods                                 []corev1.Pod

	// postgres is the answer to query.
	postgres map[string]any
	sessions int

	// files of the configuration directory, by container and name.
	files map[string]map[string]string
	// versions of pgBackRest, by container.
	versions map[string]string

	stanzaExists bool
	// repoStatus replaces the status of the repo, hostStatus that which the
	// host of the repo gives.
	repoStatus, hostStatus *pgbackrest.Status
	// noRepo: pgBackRest does not know the repo.
	noRepo bool
	// cipher of the repo.
	cipher string
	// others are the repos beside repo1, which have no backups unless listed.
	others map[int]pgbackrest.Status
	// lock: info says that the lock is held.
	lock bool
	// otherLocks: the lock is held in a pod that is not the primary.
	otherLocks map[string]bool
	// atWork are the places where the backup of the run goes on, and how many
	// signals each takes to end.
	atWork map[remote.Place]int
	// orphans are the places where a backup has left workers, and how many
	// signals these take to end.
	orphans map[remote.Place]int
	// cancelled is who has ended the run; cancelErrors come first.
	cancelled    string
	cancelErrors []error
	// told are the events at the Workflow, tellError is why there are none.
	told      []string
	tellError error

	size, done  uint64
	backups     []backup
	segments    map[string][]string
	nextSegment int
	// lost is how many bytes of the files of a backup are gone, by label.
	lost map[string]int64

	// scripts replace what a command does, one call each, in their order.
	scripts map[string][]script
	// onInfo is called at each info, before it reads anything.
	onInfo func()
	calls  []call
}

// call of a command.
type call struct {
	at     remote.Place
	argv   []string
	stdout io.Writer
	stderr io.Writer
}

// script replaces one call of a command. It is called with the world locked.
// errUnscripted goes on with what the command does normally.
type script func(ctx context.Context, c call) error

var errUnscripted = errors.New("go on")

// backup as the repo lists it.
type backup struct {
	Label, Type, Prior string
	Reference          []string
	Annotation         map[string]string
	Error              bool
	Stop               time.Time
	WALStart, WALStop  string
	RepoKey            int
}

func newWorld(t *testing.T) *world {
	w := &world{
		t:     t,
		clock: jumpingClock{clocktesting.NewFakeClock(testStart)},
		cluster: cpo.Postgresql{
			Namespace: testNamespace, Name: testCluster,
			PgBackRest: &cpo.PgBackRest{
				Secret: "orders-s3",
				Global: map[string]string{"repo1-path": "/orders", "repo1-retention-full": "2", "repo1-cipher-type": pgbackrest.CipherAES256CBC},
				Repos: []cpo.Repo{{
					Name: "repo1", Storage: cpo.StorageS3, Resource: "backups", Endpoint: "s3.example.org", Region: "eu",
					Schedule: map[string]string{cpo.Full: "0 1 * * *"},
				}},
			},
		},
		pods: []corev1.Pod{primary(testPod)},
		postgres: map[string]any{
			"inRecovery": false, "version": 160009, "systemId": "7710987021816380561", "databaseBytes": 22992758,
			"walSegmentBytes": 16 << 20, "archiveMode": "on", "archiveCommand": true, "archiveStanza": "db",
			"lastArchived": "2026-03-01T06:20:00.123456+05:30", "lastFailed": nil, "lastFailedWal": nil,
		},
		files: map[string]map[string]string{cpo.ContainerPostgreSQL: {
			testSecretFile: "[global]\nrepo1-s3-key=hunter2\nrepo1-s3-key-secret=hunter2\nrepo1-cipher-pass=hunter2\n",
		}},
		versions:     map[string]string{cpo.ContainerPostgreSQL: "2.55.1", cpo.ContainerRepoHost: "2.55.1"},
		cipher:       pgbackrest.CipherAES256CBC,
		others:       map[int]pgbackrest.Status{},
		stanzaExists: true,
		segments:     map[string][]string{},
		nextSegment:  2,
		lost:         map[string]int64{},
		scripts:      map[string][]script{},
		otherLocks:   map[string]bool{},
		atWork:       map[remote.Place]int{},
		orphans:      map[remote.Place]int{},
	}
	w.project()
	return w
}

// testSecretFile is in the Secret of the cluster.
const testSecretFile = "s3.conf"

// newRepoHostWorld is one with a repo host, and repo1 on it.
func newRepoHostWorld(t *testing.T) *world {
	w := newWorld(t)
	w.cluster.PgBackRest.Image = "example.org/pgbackrest:2.55.1"
	w.cluster.PgBackRest.Repos = []cpo.Repo{{
		Name: "repo1", Storage: cpo.StoragePVC, Volume: &cpo.Volume{Size: "5Gi"}, Schedule: map[string]string{cpo.Full: "0 1 * * *"},
	}}
	delete(w.cluster.PgBackRest.Global, "repo1-path")
	secret := "[global]\nrepo1-cipher-pass=hunter2\n"
	w.files = map[string]map[string]string{
		cpo.ContainerPostgreSQL: {testSecretFile: secret}, cpo.ContainerRepoHost: {testSecretFile: secret},
	}
	w.pods = append(w.pods, repoHost(testRepoHost))
	w.project()
	return w
}

// project brings the configuration that the operator writes into the pods.
func (w *world) project() {
	w.t.Helper()
	plan := translate.Translate(translate.Input{Cluster: w.cluster, Stanza: w.stanza.Spec, Known: w.stanza.Status.Repos})
	if plan.ConfigMap == nil || len(plan.Problems) > 0 {
		w.t.Fatalf("no configuration: %v", plan.Problems)
	}
	w.files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = plan.ConfigMap.Data[cpo.ConfigFileName]
	if plan.RepoHost != nil {
		w.files[cpo.ContainerRepoHost][cpo.ConfigFileName] = plan.RepoHost.ConfigMap.Data[cpo.ConfigFileName]
	}
}

// workplace is the container where pgBackRest works for repo1.
func (w *world) workplace() string {
	if w.cluster.PgBackRest != nil && len(w.cluster.PgBackRest.Repos) > 0 && w.cluster.PgBackRest.Repos[0].Storage == cpo.StoragePVC {
		return cpo.ContainerRepoHost
	}
	return cpo.ContainerPostgreSQL
}

// repoHost is the pod of a repo host that is ready.
func repoHost(name string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: testNamespace, Labels: cpo.RepoHostSelector(testCluster)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: cpo.ContainerRepoHost}}},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: cpo.ContainerRepoHost, Ready: true, State: runs}}},
	}
}

// primary is a pod that is ready and carries the labels of a primary.
func primary(name string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: testNamespace, Labels: cpo.PrimarySelector(testCluster)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: cpo.ContainerPostgreSQL}, {Name: "sidecar"}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{Name: cpo.ContainerPostgreSQL, Ready: true, State: runs}, {Name: "sidecar", Ready: false, State: runs},
		}},
	}
}

// replica is the same without the label of the primary.
func replica(name string) corev1.Pod {
	p := primary(name)
	delete(p.Labels, cpo.LabelRole)
	return p
}

// unready is a pod whose containers run and are not ready.
func unready(p corev1.Pod) corev1.Pod {
	for i := range p.Status.ContainerStatuses {
		p.Status.ContainerStatuses[i].Ready = false
	}
	return p
}

// terminating is a pod that is being deleted.
func terminating(p corev1.Pod) corev1.Pod {
	p.DeletionTimestamp = &metav1.Time{Time: testStart}
	return p
}

var runs = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}

func (w *world) Postgresql(ctx context.Context, namespace, name string) (cpo.Postgresql, []cpo.FieldError, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return cpo.Postgresql{}, nil, ctx.Err()
	case w.clusterError != nil:
		return cpo.Postgresql{}, nil, w.clusterError
	case namespace != w.cluster.Namespace || name != w.cluster.Name:
		return cpo.Postgresql{}, nil, apierrors.NewNotFound(schema.GroupResource{Group: cpo.GroupVersionKind.Group, Resource: "postgresqls"}, name)
	}
	return w.cluster, w.fieldErrors, nil
}

func (w *world) Stanza(ctx context.Context, _, _ string) (stanzaflowv1alpha1.Stanza, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stanza, errors.Join(ctx.Err(), w.stanzaError)
}

func (w *world) Cancelled(ctx context.Context, namespace, name, uid string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if namespace != testNamespace || name != testWorkflow || uid != testRun {
		w.t.Errorf("asked for Workflow %s/%s with UID %s", namespace, name, uid)
	}
	if len(w.cancelErrors) > 0 {
		err := w.cancelErrors[0]
		w.cancelErrors = w.cancelErrors[1:]
		return "", err
	}
	return w.cancelled, ctx.Err()
}

func (w *world) Tell(ctx context.Context, namespace, name, uid, reason, message string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if namespace != testNamespace || name != testWorkflow || uid != testRun {
		w.t.Errorf("told Workflow %s/%s with UID %s", namespace, name, uid)
	}
	w.told = append(w.told, reason+": "+message)
	return errors.Join(ctx.Err(), w.tellError)
}

func (w *world) Pods(ctx context.Context, namespace string, selector map[string]string) ([]corev1.Pod, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := errors.Join(ctx.Err(), w.podsError); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(w.pods), func(p corev1.Pod) bool {
		return p.Namespace != namespace || !labels.SelectorFromSet(selector).Matches(labels.Set(p.Labels))
	}), nil
}

func (w *world) Exec(ctx context.Context, at remote.Place, argv []string, stdout, stderr io.Writer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	c := call{at, argv, stdout, stderr}
	w.calls = append(w.calls, c)
	name := c.name()
	if name == "backup" && (w.lock || w.orphans[at] > 0 || w.sessions > 0 || len(w.otherLocks) > 0 || len(w.atWork) > 0) {
		w.t.Error("a backup was started while another one runs")
	}
	if queue := w.scripts[name]; len(queue) > 0 {
		w.scripts[name] = queue[1:]
		if err := queue[0](ctx, c); !errors.Is(err, errUnscripted) {
			return err
		}
	}
	switch name {
	case "psql", "stanza-create", "check":
		if at.Container != cpo.ContainerPostgreSQL {
			w.t.Errorf("%s ran in %s, want the primary", name, at)
		}
	case "backup", "expire", "repo-ls", "verify":
		if at.Container != w.workplace() {
			w.t.Errorf("%s ran in %s, want container %s", name, at, w.workplace())
		}
	}
	switch name {
	case "psql":
		return w.psql(c)
	case "sha256sum":
		return w.sha256sum(c)
	case "grep":
		return w.grep(c)
	case "version":
		return c.print("pgBackRest " + w.versions[at.Container] + "\n")
	case "check":
		return c.print("P00   INFO: WAL segment 000000010000000000000001 successfully archived to ... on repo1\n")
	case "info":
		return w.info(c)
	case "stanza-create":
		w.stanzaExists = true
		for repo, status := range w.others {
			if status == missingStanza {
				w.others[repo] = pgbackrest.Status{Code: pgbackrest.StatusNoBackups, Message: "no valid backups"}
			}
		}
		return c.print("P00   INFO: stanza-create for stanza 'db' on repo1\n")
	case "backup":
		w.list(w.made(argv))
		return c.print("P00   INFO: new backup label = " + w.backups[len(w.backups)-1].Label + "\n")
	case "expire":
		return c.print("P00   INFO: expire command end: completed successfully\n")
	case "repo-ls":
		return w.repoLS(c)
	case "verify":
		return w.verify(c)
	case "pkill":
		return w.pkill(c)
	case "pkill workers":
		return signal(w.orphans, at)
	}
	w.t.Errorf("unexpected command %q", argv)
	return &remote.ExitError{Code: 48}
}

// pkill signals the backup with the annotation of the run, and no other.
func (w *world) pkill(c call) error {
	if want := []string{"pkill", "--signal", "TERM", "--full", vocab.BackupAnnotation + "=" + testRun}; !slices.Equal(c.argv, want) {
		w.t.Errorf("command %q, want %q", c.argv, want)
	}
	err := signal(w.atWork, c.at)
	if err == nil && w.atWork[c.at] == 0 {
		w.lock, w.orphans[c.at] = false, 1
	}
	return err
}

// signal takes one from what is there, as pkill.
func signal(left map[remote.Place]int, at remote.Place) error {
	if left[at] == 0 {
		return &remote.ExitError{Code: 1}
	}
	if left[at]--; left[at] == 0 {
		delete(left, at)
	}
	return nil
}

// missingStanza is the status of a repo without the stanza.
var missingStanza = pgbackrest.Status{Code: pgbackrest.StatusMissingStanzaPath, Message: "missing stanza path"}

// name of the command: psql, or that of pgBackRest.
func (c call) name() string {
	if slices.Equal(c.argv, pgbackrest.TerminateWorkersCommand()) {
		return "pkill workers"
	}
	if c.argv[0] == "pgbackrest" {
		return c.argv[1]
	}
	return c.argv[0]
}

func (c call) print(text string) error {
	_, err := io.WriteString(c.stdout, text)
	return err
}

func (c call) printJSON(value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return c.print(string(b) + "\n")
}

// on scripts the next calls of a command, one each.
func (w *world) on(name string, scripts ...script) {
	w.scripts[name] = append(w.scripts[name], scripts...)
}

// always scripts every call of a command.
func (w *world) always(name string, s script) { w.on(name, slices.Repeat([]script{s}, 1000)...) }

// issued returns the calls of a command.
func (w *world) issued(name string) []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.issuedLocked(name)
}

func (w *world) issuedLocked(name string) []call {
	return slices.DeleteFunc(slices.Clone(w.calls), func(c call) bool { return c.name() != name })
}

// fails with a code and a text on stderr.
func fails(code int, text string) script {
	return func(_ context.Context, c call) error {
		_, _ = io.WriteString(c.stderr, text+"\n")
		return &remote.ExitError{Code: code}
	}
}

// does something and goes on.
func does(f func()) script {
	return func(context.Context, call) error { f(); return errUnscripted }
}

func (w *world) psql(c call) error {
	statement := strings.TrimPrefix(c.argv[len(c.argv)-1], "--command=")
	if statement == sessions {
		return c.printJSON(w.sessions)
	}
	return c.printJSON(w.postgres)
}

func (w *world) sha256sum(c call) error {
	name := strings.TrimPrefix(c.argv[1], cpo.ConfigDir+"/")
	content, ok := w.files[c.at.Container][name]
	if !ok {
		_, _ = fmt.Fprintf(c.stderr, "sha256sum: %s: No such file or directory\n", c.argv[1])
		return &remote.ExitError{Code: 1}
	}
	return c.print(fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(content)), c.argv[1]))
}

// grep finds each file a second time where Kubernetes has put it.
func (w *world) grep(c call) error {
	pattern := regexp.MustCompile(`(?m)` + c.argv[len(c.argv)-2])
	var lines []string
	for _, dir := range []string{"", "..data/"} {
		for _, name := range slices.Sorted(maps.Keys(w.files[c.at.Container])) {
			for _, match := range pattern.FindAllString(w.files[c.at.Container][name], -1) {
				lines = append(lines, c.argv[len(c.argv)-1]+"/"+dir+name+":"+strings.Trim(match, "\n"))
			}
		}
	}
	if len(lines) == 0 {
		return &remote.ExitError{Code: 1}
	}
	return c.print(strings.Join(lines, "\n") + "\n")
}

// made is the backup that a command line asks for.
func (w *world) made(argv []string) backup {
	b := backup{RepoKey: 1, Annotation: map[string]string{}, Stop: w.clock.Now().Truncate(time.Second)}
	for _, a := range argv {
		if kv, ok := strings.CutPrefix(a, "--annotation="); ok {
			key, value, _ := strings.Cut(kv, "=")
			b.Annotation[key] = value
		}
		if typ, ok := strings.CutPrefix(a, "--type="); ok {
			b.Type = typ
		}
		if repo, ok := strings.CutPrefix(a, "--repo="); ok {
			b.RepoKey, _ = strconv.Atoi(repo)
		}
	}
	return b
}

// list adds a backup to the repo, with its WAL in the archive.
func (w *world) list(b backup) {
	stamp := b.Stop.Format("20060102-150405")
	last := func(typ string) string {
		for _, other := range slices.Backward(w.backups) {
			if other.Type == typ {
				return other.Label
			}
		}
		return ""
	}
	if full := last(cpo.Full); b.Type != cpo.Full && full != "" {
		b.Label, b.Prior, b.Reference = full+"_"+stamp+strings.ToUpper(b.Type[:1]), full, []string{full}
	} else {
		b.Label, b.Type = stamp+"F", cpo.Full
	}
	b.WALStart = fmt.Sprintf("0000000100000000%08X", w.nextSegment)
	b.WALStop = fmt.Sprintf("0000000100000000%08X", w.nextSegment+1)
	w.nextSegment += 2
	w.segments[b.WALStart] = []string{sum("a")}
	w.segments[b.WALStop] = []string{sum("b")}
	w.backups = append(w.backups, b)
}

// sum looks like the SHA-1 in the name of a file of the archive.
func sum(letter string) string { return strings.Repeat(letter, 40) }

func (w *world) info(c call) error {
	if w.onInfo != nil {
		w.onInfo()
	}
	only := 0
	for _, a := range c.argv {
		if repo, ok := strings.CutPrefix(a, "--repo="); ok {
			only, _ = strconv.Atoi(repo)
		}
	}
	status := pgbackrest.Status{Message: "ok"}
	here := c.at.Container == w.workplace()
	switch {
	case w.hostStatus != nil && here:
		status = *w.hostStatus
	case w.repoStatus != nil:
		status = *w.repoStatus
	case !w.stanzaExists:
		status = missingStanza
	case len(w.backups) == 0:
		status = pgbackrest.Status{Code: pgbackrest.StatusNoBackups, Message: "no valid backups"}
	}
	type object = map[string]any
	statusJSON := object{"code": status.Code, "message": status.Message}
	stanza := object{
		"name": vocab.PgBackRestStanza, "cipher": "none",
		"status": object{
			"code": status.Code, "message": status.Message,
			"lock": object{"backup": object{"held": w.lock && here || w.otherLocks[c.at.Pod], "size": w.size, "size-cplt": w.done}},
		},
		"repo": []object{}, "backup": []object{}, "archive": []object{}, "db": []object{},
	}
	var repos []object
	if !w.noRepo {
		repos = []object{{"key": 1, "cipher": w.cipher, "status": statusJSON}}
	}
	for _, repo := range slices.Sorted(maps.Keys(w.others)) {
		if only == pgbackrest.AllRepos {
			repos = append(repos, object{"key": repo, "cipher": "none", "status": object{"code": w.others[repo].Code, "message": w.others[repo].Message}})
		}
	}
	stanza["repo"] = repos
	if w.repoStatus == nil && w.stanzaExists {
		key := object{"id": 1, "repo-key": 1}
		stanza["archive"] = []object{{"database": key, "id": "16-1", "min": nil, "max": nil}}
		var backups []object
		for _, b := range w.backups {
			if only != pgbackrest.AllRepos && b.RepoKey != only {
				continue
			}
			backups = append(backups, object{
				"label": b.Label, "type": b.Type, "prior": b.Prior, "reference": b.Reference, "annotation": b.Annotation, "error": b.Error,
				"database": object{"id": 1, "repo-key": b.RepoKey}, "backrest": object{"version": "2.55.1"},
				"timestamp": object{"start": b.Stop.Unix(), "stop": b.Stop.Unix()},
				"archive":   object{"start": b.WALStart, "stop": b.WALStop},
				"lsn":       object{"start": "0/2000028", "stop": "0/3000050"},
				"info":      object{"size": 22992758, "delta": 22992758, "repository": object{"size": backupBytes, "delta": backupBytes}},
			})
		}
		stanza["backup"] = backups
	}
	return c.printJSON([]object{stanza})
}

func (w *world) repoLS(c call) error {
	dir := c.argv[len(c.argv)-1]
	if slices.Contains(c.argv, "--recurse") {
		return w.repoFiles(c, dir)
	}
	files := map[string]any{".": map[string]string{"type": "path"}}
	for segment, sums := range w.segments {
		if dir != "archive/"+vocab.PgBackRestStanza+"/16-1/"+segment[:16] {
			continue
		}
		for _, sum := range sums {
			files[segment+"-"+sum+".zst"] = map[string]string{"type": "file"}
		}
	}
	return c.printJSON(files)
}

// sample is the exit code and the text of a real failure of pgBackRest.
func sample(t *testing.T, name string) (int, string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "pgbackrest", "failure", "testdata", "failures-2.55.1.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(content), "\n") {
		if fields := strings.Split(line, "\t"); len(fields) == 4 && fields[0] == name {
			code, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return code, strings.ReplaceAll(fields[3], " | ", "\n")
		}
	}
	t.Fatalf("there is no sample %q", name)
	return 0, ""
}

// failsAs fails as pgBackRest 2.55.1 did.
func failsAs(t *testing.T, name string) script {
	t.Helper()
	code, text := sample(t, name)
	return fails(code, text)
}

// jumpingClock does not wait: a timer moves it to its end.
type jumpingClock struct{ *clocktesting.FakeClock }

func (c jumpingClock) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	c.Step(d)
	return timer
}

// pod is the pod of one run in a world.
type pod struct {
	*world
	env     Env
	options Options
	log     *safeBuffer
}

func newPod(w *world) *pod {
	w.t.Helper()
	dir, log := w.t.TempDir(), &safeBuffer{}
	return &pod{
		world: w, log: log,
		env: Env{
			Finder: w, Executor: w, Clock: w.clock, Log: log, Workspace: Workspace(dir), Poll: 2 * time.Second,
			TerminationLog: filepath.Join(dir, "termination-log"),
		},
		options: Options{
			Namespace: testNamespace, Cluster: testCluster, Repo: "repo1", Type: cpo.Full, Trigger: "schedule",
			Workflow: testWorkflow, Run: testRun, Attempts: 3, Backoff: time.Microsecond, VerifyBytes: 10 << 30,
		},
	}
}

// run does steps in their order, as containers that depend on each other: the
// first that fails is the last. It returns the exit code of the last.
func (p *pod) run(names ...string) int {
	p.t.Helper()
	for _, name := range names {
		if code := p.step(p.t.Context(), name); code != 0 {
			return code
		}
	}
	return 0
}

// step does one step. Only begin gets the options.
func (p *pod) step(ctx context.Context, name string) int {
	options := Options{}
	if name == Names[0] {
		options = p.options
	}
	return Run(ctx, name, p.env, options)
}

// mustRun is run for the steps before the one in question.
func (p *pod) mustRun(names ...string) {
	p.t.Helper()
	if code := p.run(names...); code != 0 {
		p.t.Fatalf("exit code %d of one of %v\n%s", code, names, p.log)
	}
}

func (p *pod) report() report.Report {
	p.t.Helper()
	r, err := report.Decode(p.file(fileReport))
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *pod) file(name string) string {
	p.t.Helper()
	b, err := os.ReadFile(p.env.Workspace.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

// wantFailure checks that a step ended with the code, and that the report, the
// termination message and the log all say why, in every one of the words.
func (p *pod) wantFailure(code, wantCode int, wantStep string, wantResult stanzaflowv1alpha1.RunResult, words ...string) {
	p.t.Helper()
	if code != wantCode {
		p.t.Errorf("exit code %d, want %d", code, wantCode)
	}
	r := p.report()
	if r.Step != wantStep || r.Result != wantResult || r.Backup != nil {
		p.t.Errorf("report says step %q, result %q, backup %v; want step %q, result %q and no backup", r.Step, r.Result, r.Backup, wantStep, wantResult)
	}
	termination := p.file("termination-log")
	if want := string(wantResult) + ": " + r.Message + "\nrunbook: " + failure.Runbook(wantStep, r.Code); termination != want {
		p.t.Errorf("termination message %q, want %q", termination, want)
	}
	for _, word := range words {
		if !strings.Contains(r.Message, word) {
			p.t.Errorf("message %q does not say %q", r.Message, word)
		}
	}
	if !strings.Contains(p.log.String(), r.Message) {
		p.t.Errorf("the log does not say %q:\n%s", r.Message, p.log)
	}
	if label := p.file(fileLabel); label != "" {
		p.t.Errorf("output label is %q, want none", label)
	}
	if strings.ContainsAny(r.Message, "\n\r") || len(r.Message) > report.MaxMessage || strings.HasSuffix(r.Message, ".") {
		p.t.Errorf("message is not one clause: %q", r.Message)
	}
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
