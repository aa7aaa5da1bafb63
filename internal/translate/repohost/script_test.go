// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package repohost_test

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/translate/repohost"
)

// fakeServer stands for pgbackrest. It writes down what happens to it. A server
// on another port is a trial, and ends at once where the files are unusable.
const fakeServer = `#!/bin/sh
case "$*" in
*18432*) echo trial >>"$OUT"; if [ -e "$DIR/unusable" ]; then exit 95; fi; trap 'exit 0' TERM; while :; do sleep 0.02; done ;;
esac
trap 'echo HUP >>"$OUT"' HUP
trap 'echo TERM >>"$OUT"; exit 0' TERM
echo "started: $*" >>"$OUT"
while [ ! -e "$DIR/crash" ]; do sleep 0.02; done
exit 42
`

// TestServerScript runs the script in the shell of this machine, with its
// directories elsewhere and its waits cut short.
func TestServerScript(t *testing.T) {
	t.Parallel()
	// Where the test itself was started to ignore SIGHUP, as by nohup, a shell
	// below it could not trap it.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	script := repohost.ServerScript()
	for old, replacement := range map[string]string{"/etc/pgbackrest": dir, "sleep 5 ": "sleep 0.1 ", "timeout -k 5 5 ": "timeout -k 5 0.3 "} {
		if !strings.Contains(script, old) {
			t.Fatalf("the script has no %q", old)
		}
		script = strings.ReplaceAll(script, old, replacement)
	}
	log := dir + "/a place/for $(logs)"
	write("server.sh", script, 0o600)
	write("bin/pgbackrest", fakeServer, 0o700)
	// The script looks at the files with cksum. This one notes each look.
	cksum, err := exec.LookPath("cksum")
	if err != nil {
		t.Fatal(err)
	}
	write("bin/cksum", "#!/bin/sh\necho look >>\"$DIR/looks\"\nexec "+cksum+"\n", 0o700)
	write("conf.d/pgbackrest_instance.conf", "[db]\npg1-path=/x\n\n[global]\nlog-path="+log+"\n", 0o600)
	write("certs/pgbackrest-client.key", "one", 0o600)

	start := func() *exec.Cmd {
		c := exec.CommandContext(t.Context(), "sh", filepath.Join(dir, "server.sh"))
		c.Env = []string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "DIR=" + dir, "OUT=" + filepath.Join(dir, "out")}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	has := func(file, want string) bool {
		out, _ := os.ReadFile(filepath.Join(dir, file))
		return strings.Contains(string(out), want)
	}
	lines := func(want string) bool { return has("out", want) }
	waitIn := func(file, want string) {
		t.Helper()
		for range 500 {
			if has(file, want) {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		out, _ := os.ReadFile(filepath.Join(dir, file))
		t.Fatalf("no %q in\n%s", want, out)
	}
	wait := func(want string) { t.Helper(); waitIn("out", want) }

	c := start()
	wait("started: server\n")
	if info, err := os.Stat(log); err != nil || !info.IsDir() {
		t.Errorf("the log-path is not there: %v", err)
	}
	waitIn("looks", strings.Repeat("look\n", 4))
	if lines("HUP") || lines("trial") {
		t.Error("something happens and nothing has changed")
	}
	write("unusable", "", 0o600)
	write("certs/pgbackrest-client.key", "half a key", 0o600)
	wait(strings.Repeat("trial\n", 2))
	if lines("HUP") {
		t.Error("the server is sent files that it cannot use")
	}
	if err := os.Remove(filepath.Join(dir, "unusable")); err != nil {
		t.Fatal(err)
	}
	wait("trial\nHUP\n")
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	wait("TERM\n")

	// A server that ends by itself ends the container, with its own code.
	write("crash", "", 0o600)
	c = start()
	if err := c.Wait(); c.ProcessState.ExitCode() != 42 {
		t.Errorf("the server ends with 42, the script with %v", err)
	}
}
