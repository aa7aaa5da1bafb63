// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
)

// commands are those of a restore in the volume of a StatefulSet with one instance.
type commands struct {
	namespace, cluster, kubectl, pod, restorePod, statefulSet string
}

func commandsOf(f Facts) commands {
	pod := cmp.Or(f.Pod, f.Cluster+"-0")
	return commands{
		namespace: f.Namespace, cluster: f.Cluster, kubectl: "kubectl -n " + f.Namespace, pod: pod, restorePod: f.Cluster + "-restore",
		statefulSet: pod[:max(strings.LastIndex(pod, "-"), 0)],
	}
}

func (c commands) suspend(on bool) string {
	return fmt.Sprintf(`%s patch stanza %s --type=merge -p '{"spec":{"suspend":%t}}'`, c.kubectl, c.cluster, on)
}

// backUp makes a full backup where the set is.
func (c commands) backUp(p restoreplan.Plan) string {
	return fmt.Sprintf("kubectl stanzaflow backup %s -n %s --repo %d --type full --wait", c.cluster, c.namespace, p.SetRepo)
}

// scale down sends SIGTERM, with which PostgreSQL waits for its clients.
func (c commands) scale(replicas int) string {
	return fmt.Sprintf("%s scale statefulset %s --replicas=%d", c.kubectl, c.statefulSet, replicas)
}

// awaitGone waits for the end of PostgreSQL: a volume of one node can be in two pods of it.
func (c commands) awaitGone() string {
	return fmt.Sprintf("%s wait --for=delete pod/%s --timeout=10m", c.kubectl, c.pod)
}

func (c commands) startRestorePod() []string {
	return []string{
		c.kubectl + " apply -f restore-pod.yaml",
		fmt.Sprintf("%s wait --for=condition=Ready pod/%s --timeout=5m", c.kubectl, c.restorePod),
	}
}

func (c commands) inRestorePod(command string) string {
	return fmt.Sprintf("%s exec %s -- %s", c.kubectl, c.restorePod, command)
}

func (c commands) startPostgres() []string {
	return []string{
		fmt.Sprintf("%s delete pod %s", c.kubectl, c.restorePod),
		c.scale(1),
		fmt.Sprintf("%s rollout status statefulset %s", c.kubectl, c.statefulSet),
	}
}

func (c commands) psql(statement string) string {
	return fmt.Sprintf("%s exec %s -c postgres -- psql -h %s -U postgres -c %q", c.kubectl, c.pod, cpo.PGSocketPath, statement)
}
