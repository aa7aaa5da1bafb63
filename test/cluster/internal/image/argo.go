// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import "github.com/stanzaflow/stanzaflow/test/cluster/internal/set"

// The images of Argo Workflows, of each release that a cluster can have. Of two
// with the same name, an installation takes the later one of the table.

func workflowController(of set.Set, name string) Image {
	return Image{
		Name: "workflow-controller", Tag: fromComponent, For: of, Component: name,
		Accounts:   argoAccounts,
		Entries:    []Entry{program(name, "/bin/workflow-controller")},
		User:       argoUID,
		Entrypoint: []string{"workflow-controller"},
	}
}

// argoExec is not root, unlike upstream's default variant: init and wait
// containers then need no runAsUser to pass the restricted Pod Security profile,
// and follow the pod's own user where it sets one.
func argoExec(of set.Set, name string) Image {
	return Image{
		Name: "argoexec", Tag: fromComponent, For: of, Component: name,
		Accounts:   argoAccounts,
		Entries:    []Entry{program(name, "/bin/argoexec")},
		User:       argoUID,
		Entrypoint: []string{"argoexec"},
	}
}

func argoCLI(of set.Set, name string) Image {
	return Image{
		Name: "argocli", Tag: fromComponent, For: of, Component: name,
		Accounts:   argoAccounts,
		Entries:    []Entry{program(name, "/bin/argo"), {Path: argoHome, Mode: 0o777}},
		User:       argoUID,
		WorkDir:    argoHome,
		Entrypoint: []string{"argo"},
	}
}
