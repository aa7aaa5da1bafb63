// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/component"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/set"
)

// Registry is the host part of our images' names. The host does not exist, so that an
// image that is not in the node's store fails at once.
const Registry = "stanzaflow.local"

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// The user of Argo's own images.
const (
	argoUID  = "8737"
	argoHome = "/home/argo"
)

const azuriteHome = "/opt/azurite"

// trixie is the release of Debian that most images have their packages from.
const trixie = "trixie"

// prometheus is the name of the image, of the package and of the program.
const prometheus = "prometheus"

// fromComponent as a tag stands for the version of the component.
const fromComponent = ""

// Image is a row of the table.
type Image struct {
	Name string // below Registry
	Tag  string // fromComponent stands for the version of Component
	// For is the set that the image belongs to. It does not go into the image.
	For set.Set `json:"-"`

	Component string    // the program that the image is for, if there is one
	Debian    *Debian   // packages; if nil, the image starts empty
	NPM       *NPM      `json:",omitempty"` // packages of the npm registry
	Accounts  []account // adds /etc/passwd, certificates and /tmp, for images that start empty
	Entries   []Entry

	User       string
	WorkDir    string
	Env        []string
	Entrypoint []string
	Command    []string
}

// table lists the images of the cluster. To add one with a static program, such as an
// object store, add a row in the component table and a row here.
var table = []Image{
	{
		Name: "pause", Tag: "1", For: set.Demo, Component: component.Pause,
		Entries:    []Entry{program(component.Pause, "/pause")},
		User:       "65535:65535",
		Entrypoint: []string{"/pause"},
	},
	{
		Name: "coredns", Tag: fromComponent, For: set.Demo, Component: component.CoreDNS,
		Accounts:   []account{rootAccount},
		Entries:    []Entry{program(component.CoreDNS, "/coredns")},
		Entrypoint: []string{"/coredns"},
	},
	workflowController(set.Demo, component.WorkflowController),
	workflowController(set.Argo4, component.WorkflowController4),
	argoExec(set.Demo, component.ArgoExec),
	argoExec(set.Argo4, component.ArgoExec4),
	argoCLI(set.Demo, component.Argo),
	argoCLI(set.Argo4, component.Argo4),
	// Early in the table, because Argo waits for its archive, which is a PostgreSQL.
	postgres(set.Demo, trixie, "17", "2.55"),
	{
		Name: "versitygw", Tag: fromComponent, For: set.Demo, Component: component.VersityGW,
		Accounts:   []account{rootAccount, nonrootAccount},
		Entries:    []Entry{program(component.VersityGW, "/bin/versitygw")},
		User:       "65532",
		Entrypoint: []string{"versitygw"},
	},
	{
		// Stands in front of a store and breaks what a test asks for.
		Name: "store-front", Tag: "v1", For: set.All, Component: component.StoreFront,
		Accounts:   []account{rootAccount, nonrootAccount},
		Entries:    []Entry{program(component.StoreFront, "/bin/store-front")},
		User:       "65532",
		Entrypoint: []string{"store-front"},
	},
	{
		Name: "fake-gcs-server", Tag: fromComponent, For: set.All, Component: component.FakeGCSServer,
		Accounts:   []account{rootAccount, nonrootAccount},
		Entries:    []Entry{program(component.FakeGCSServer, "/bin/fake-gcs-server")},
		User:       "65532",
		Entrypoint: []string{"fake-gcs-server"},
	},
	{
		// An Azure Blob server, which is a JavaScript program.
		Name: "azurite", Tag: "3.37.0", For: set.All,
		Debian:     &Debian{Suite: trixie, Packages: []string{"nodejs"}},
		NPM:        &NPM{Dir: "azurite", To: azuriteHome},
		Accounts:   []account{rootAccount, nonrootAccount},
		Entries:    []Entry{{Path: "/usr/local/bin/azurite-blob", Link: azuriteHome + "/node_modules/azurite/dist/src/blob/main.js"}},
		User:       "65532",
		Entrypoint: []string{"azurite-blob"},
	},
	{
		// A small helper for tests: a shell, wget, nc, sleep. The static build,
		// because nothing else is in the image.
		Name: "busybox", Tag: "1.37", For: set.All,
		Debian: &Debian{
			Suite: trixie, Packages: []string{"busybox-static"}, ExtractOnly: true,
			After: []string{
				`mkdir "$1/bin" && mv "$1/usr/bin/busybox" "$1/bin/busybox"`,
				`"$1/bin/busybox" --list | grep -vx busybox | while read -r applet; do ln -s busybox "$1/bin/$applet"; done`,
				`rm -rf "$1/usr" "$1/etc/fstab"`,
			},
		},
		Accounts: []account{rootAccount, nonrootAccount},
		Command:  []string{"sh"},
	},
	postgres(set.All, "bookworm", "15", "2.45"),
	{
		// Both in one image, because the stories run both in one pod.
		Name: prometheus, Tag: "2.53-alertmanager-0.28", For: set.All,
		Debian: &Debian{
			Suite: trixie, Packages: []string{prometheus, "prometheus-alertmanager"},
			// The tools are a third of the image; the stories ask the servers themselves.
			After: []string{`rm "$1/usr/bin/promtool" "$1/usr/bin/amtool"`},
		},
		Accounts: []account{rootAccount, nonrootAccount},
		User:     "65532:65532",
		Command:  []string{prometheus},
	},
}

func program(component, path string) Entry {
	return Entry{Path: path, Component: component, Mode: 0o755}
}
