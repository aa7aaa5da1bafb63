// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"path/filepath"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
)

// daemon is a program that runs as long as the cluster does.
type daemon struct {
	name string
	args []string
	env  []string // in addition to PATH and the like
	// health is a URL in the node's network namespace that answers when the daemon
	// works, socket the socket of a container runtime. If both are empty, being alive
	// is enough.
	health string
	socket string
	// grace is how long the daemon may take to end by itself. It is zero if the
	// daemon holds nothing that a kill could damage.
	grace time.Duration
}

// Names of daemons that others refer to.
const (
	etcd       = "etcd"
	containerd = "containerd"
	apiserver  = "kube-apiserver"
	kubelet    = "kubelet"
	kubeProxy  = "kube-proxy"
)

// daemons returns the table, in the order of starting.
func daemons(dirs layout.Dirs) []daemon {
	keys := pki{dirs.PKI()}
	bin := func(name string) string { return filepath.Join(dirs.Bin(), name) }
	config := func(name string) string { return "--config=" + filepath.Join(dirs.Config(), name) }
	kubeconfig := func(name string) string { return filepath.Join(dirs.PKI(), name+".kubeconfig") }

	return []daemon{
		{
			name: etcd,
			args: []string{
				bin(etcd), "--name=" + Name, "--data-dir=" + filepath.Join(dirs.State(), "etcd"),
				"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
				"--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380",
				"--initial-cluster=" + Name + "=http://127.0.0.1:2380",
				// Losing the last second in a power failure does not matter here;
				// waiting for the disk on every write does.
				"--unsafe-no-fsync",
				"--auto-compaction-mode=periodic", "--auto-compaction-retention=1h",
				"--log-level=warn",
			},
			health: "http://127.0.0.1:2379/health",
			grace:  10 * time.Second,
		},
		{
			name:   containerd,
			args:   []string{containerd, "--config", filepath.Join(dirs.Config(), "containerd.toml")},
			socket: dirs.ContainerdSocket(),
			grace:  5 * time.Second,
		},
		{
			name: apiserver,
			args: []string{
				bin(apiserver), "--etcd-servers=http://127.0.0.1:2379",
				"--advertise-address=" + IP, "--secure-port=6443", "--service-cluster-ip-range=" + svcCIDR,
				"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
				"--client-ca-file=" + keys.crt("ca"),
				"--tls-cert-file=" + keys.crt("apiserver"), "--tls-private-key-file=" + keys.key("apiserver"),
				"--kubelet-certificate-authority=" + keys.crt("ca"),
				"--kubelet-client-certificate=" + keys.crt("apiserver-kubelet-client"),
				"--kubelet-client-key=" + keys.key("apiserver-kubelet-client"),
				"--kubelet-preferred-address-types=InternalIP",
				"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
				"--service-account-key-file=" + filepath.Join(dirs.PKI(), "service-account.pub"),
				"--service-account-signing-key-file=" + keys.key("service-account"),
				"--requestheader-client-ca-file=" + keys.crt("front-proxy-ca"),
				"--requestheader-allowed-names=front-proxy-client",
				"--requestheader-username-headers=X-Remote-User",
				"--requestheader-group-headers=X-Remote-Group",
				"--requestheader-extra-headers-prefix=X-Remote-Extra-",
				"--proxy-client-cert-file=" + keys.crt("front-proxy-client"),
				"--proxy-client-key-file=" + keys.key("front-proxy-client"),
				"--enable-aggregator-routing=true",
				"--profiling=false",
			},
			// Argo's full CRDs produce many times more garbage than live data: with Go's
			// default, collecting it takes nearly half of the CPU of a fresh start. This
			// makes 18 s of 32 s.
			env:    []string{"GOGC=400", "GOMEMLIMIT=1600MiB"},
			health: ServerURL + "/readyz",
		},
		{
			name: "kube-controller-manager",
			args: []string{
				bin("kube-controller-manager"), "--kubeconfig=" + kubeconfig(controllerManager),
				"--authentication-kubeconfig=" + kubeconfig(controllerManager),
				"--authorization-kubeconfig=" + kubeconfig(controllerManager),
				"--client-ca-file=" + keys.crt("ca"), "--requestheader-client-ca-file=" + keys.crt("front-proxy-ca"),
				"--root-ca-file=" + keys.crt("ca"),
				"--service-account-private-key-file=" + keys.key("service-account"),
				"--use-service-account-credentials=true",
				"--cluster-signing-cert-file=" + keys.crt("ca"), "--cluster-signing-key-file=" + keys.key("ca"),
				"--controllers=*,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller",
				"--allocate-node-cidrs=false",
				// One controller manager needs no election, and no wait after a kill.
				"--leader-elect=false",
				"--bind-address=127.0.0.1",
				"--kube-api-qps=200", "--kube-api-burst=400",
				// A machine that compiles is late with its heartbeat. If it lost all pods for
				// that, a test failure would explain nothing.
				"--node-monitor-grace-period=3m",
				"--profiling=false",
			},
			health: "https://127.0.0.1:10257/healthz",
		},
		{
			name:   "kube-scheduler",
			args:   []string{bin("kube-scheduler"), config("kube-scheduler.yaml"), "--authentication-kubeconfig=" + kubeconfig(scheduler), "--authorization-kubeconfig=" + kubeconfig(scheduler), "--bind-address=127.0.0.1"},
			health: "https://127.0.0.1:10259/healthz",
		},
		{
			name: kubelet,
			args: []string{
				bin(kubelet), config("kubelet.yaml"), "--kubeconfig=" + kubeconfig(kubelet),
				"--root-dir=" + filepath.Join(dirs.State(), "kubelet"),
				"--cert-dir=" + filepath.Join(dirs.State(), "kubelet-pki"),
				"--hostname-override=" + Name, "--node-ip=" + IP,
			},
			health: "http://127.0.0.1:10248/healthz",
		},
		{
			name:   kubeProxy,
			args:   []string{bin(kubeProxy), config("kube-proxy.yaml")},
			health: "http://127.0.0.1:10256/healthz",
		},
		{
			name: "volume-provisioner",
			args: []string{bin("volume-provisioner"), "--kubeconfig=" + kubeconfig(admin), "--root=" + filepath.Join(dirs.State(), "volumes")},
		},
	}
}

// DaemonNames returns the names of all daemons, in the order of starting.
func DaemonNames() []string {
	var names []string
	for _, d := range daemons(layout.Dirs{}) {
		names = append(names, d.name)
	}
	return names
}

// find returns the named daemon.
func findDaemon(all []daemon, name string) daemon {
	for _, d := range all {
		if d.name == name {
			return d
		}
	}
	panic("no daemon " + name) // Only the constants above are passed.
}
