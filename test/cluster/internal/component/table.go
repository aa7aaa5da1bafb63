// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package component

import (
	"fmt"
	"strings"
	"time"
)

// Names of the components, which image rows refer to.
const (
	Kubernetes         = "kubernetes"
	CoreDNS            = "coredns"
	VersityGW          = "versitygw"
	FakeGCSServer      = "fake-gcs-server"
	WorkflowController = "workflow-controller"
	ArgoExec           = "argoexec"
	Argo               = "argo"

	WorkflowController4 = "workflow-controller-v4"
	ArgoExec4           = "argoexec-v4"
	Argo4               = "argo-v4"

	Pause      = "pause"
	StoreFront = "store-front"
)

// Component is one program. Either Module or Upstream says where its sources are.
type Component struct {
	Name string

	// Module is the directory below components/ whose go.mod pins Requires; the
	// version found there is the component's version. If empty, it is built from this
	// program's own module and has no version.
	Module   string
	Requires string

	// Upstream is a module that must be patched before it builds.
	Upstream *Upstream

	// Package is what to build, by default ".".
	Package string

	// Stamp returns the linker's -X settings for a version.
	Stamp func(version string) []string

	// CPU is the CPU time of a build from nothing, for estimates.
	CPU time.Duration

	// Links are the stable names in bin/ that point to the program.
	Links []string
}

// table is in the order in which the programs are built: what tests against an
// API server need comes first.
var table = []Component{
	{
		Name:     Kubernetes,
		Module:   "kubernetes",
		Requires: "k8s.io/kubernetes",
		Stamp:    stampKubernetes,
		CPU:      375 * time.Second,
		Links: []string{
			"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler",
			"kube-proxy", "kubelet", "kubectl", "volume-provisioner",
		},
	},
	{Name: WorkflowController, Upstream: &argoWorkflows, Package: "./cmd/workflow-controller", Stamp: stampArgo, CPU: 230 * time.Second, Links: []string{"workflow-controller"}},
	{Name: ArgoExec, Upstream: &argoWorkflows, Package: "./cmd/argoexec", Stamp: stampArgo, CPU: 130 * time.Second},
	{Name: Argo, Upstream: &argoWorkflows, Package: "./cmd/argo", Stamp: stampArgo, CPU: 15 * time.Second, Links: []string{"argo"}},
	{Name: WorkflowController4, Upstream: &argoWorkflows4, Package: "./cmd/workflow-controller", Stamp: stampArgo4, CPU: 230 * time.Second},
	{Name: ArgoExec4, Upstream: &argoWorkflows4, Package: "./cmd/argoexec", Stamp: stampArgo4, CPU: 130 * time.Second},
	{Name: Argo4, Upstream: &argoWorkflows4, Package: "./cmd/argo", Stamp: stampArgo4, CPU: 15 * time.Second},
	{Name: CoreDNS, Module: "coredns", Requires: "github.com/coredns/coredns", CPU: 20 * time.Second},
	{
		Name:     VersityGW,
		Module:   "versitygw",
		Requires: "github.com/versity/versitygw",
		Package:  "github.com/versity/versitygw/cmd/versitygw",
		CPU:      80 * time.Second,
	},
	{
		Name:     FakeGCSServer,
		Module:   "fake-gcs-server",
		Requires: "github.com/fsouza/fake-gcs-server",
		Package:  "github.com/fsouza/fake-gcs-server",
		CPU:      100 * time.Second,
	},
	{Name: Pause, Package: "./components/pause", CPU: 2 * time.Second},
	{Name: StoreFront, Package: "./components/store-front", CPU: 5 * time.Second},
}

// The release of Argo Workflows that most of our clusters have and people install today.
var (
	argoWorkflows = Upstream{
		Path:    argoModule + "/v3",
		Version: "v3.7.18",
		Sum:     "h1:B8v2GIBCqUATiqrI3NaLGDplT2Id18bIruebwSXkFZI=",
		Patches: argoPatches,
	}
	argoWorkflows4 = Upstream{
		Path:    argoModule + "/v4",
		Version: "v4.1.4",
		Sum:     "h1:/+7ZnKumIwBmS6z+3zeWvTnhW8c6nun0dLrtcBBRz0A=",
		Patches: argoPatches,
	}
)

const argoModule = "github.com/argoproj/argo-workflows"

// argoPatches are the files that a copy of Argo's module needs, because module
// archives leave files out.
var argoPatches = []Patch{
	// Upstream's file for Linux is a symbolic link to the one for macOS, and
	// module archives carry no links: without it Setpgid and Kill are undefined.
	{Path: "workflow/executor/osspecific/signal_linux.go", CopyOf: "workflow/executor/osspecific/signal_darwin.go"},
	// The argo program embeds its web pages, which a JavaScript build makes.
	// Our own page lets it compile; the server's API is complete.
	{Path: "ui/dist/app/index.html", Content: "<!doctype html><title>Argo</title><p>The API is complete; the web pages are not part of this build.\n"},
}

// stampKubernetes sets the answer of /version and `kubectl version`.
func stampKubernetes(version string) []string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	var flags []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags = append(flags,
			fmt.Sprintf("-X=%s.gitVersion=%s", pkg, version),
			fmt.Sprintf("-X=%s.gitMajor=%s", pkg, parts[0]),
			fmt.Sprintf("-X=%s.gitMinor=%s", pkg, parts[1]),
			fmt.Sprintf("-X=%s.gitTreeState=clean", pkg),
			fmt.Sprintf("-X=%s.buildDate=1970-01-01T00:00:00Z", pkg),
		)
	}
	return flags
}

// stampArgo makes `argo version` and the controller's metrics show the release. Argo
// requires a commit, a tag and a clean tree for that.
func stampArgo(version string) []string { return stampArgoModule(argoWorkflows.Path, version) }

func stampArgo4(version string) []string { return stampArgoModule(argoWorkflows4.Path, version) }

func stampArgoModule(pkg, version string) []string {
	return []string{
		fmt.Sprintf("-X=%s.version=%s", pkg, version),
		fmt.Sprintf("-X=%s.gitTag=%s", pkg, version),
		fmt.Sprintf("-X=%s.gitCommit=module", pkg),
		fmt.Sprintf("-X=%s.gitTreeState=clean", pkg),
	}
}
