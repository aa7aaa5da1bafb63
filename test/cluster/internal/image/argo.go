// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import "github.com/stanzaflow/stanzaflow/test/cluster/internal/set"

// The images of Argo Workflows, for each release that a cluster can have. If two have
// the same name, an installation uses the later one in the table.

func workflowController(of set.Set, name string) Image {
	return argoImage("workflow-controller", "workflow-controller", of, name)
}

// argoExec is not root, unlike upstream's default variant: init and wait
// containers then need no runAsUser to pass the restricted Pod Security profile,
// and use the pod's own user if it sets one.
func argoExec(of set.Set, name string) Image {
	return argoImage("argoexec", "argoexec", of, name)
}

func argoCLI(of set.Set, name string) Image {
	i := argoImage("argocli", "argo", of, name)
	i.Entries = append(i.Entries, Entry{Path: argoHome, Mode: 0o777})
	i.WorkDir = argoHome
	return i
}

// argoImage runs one program of Argo.
func argoImage(name, executable string, of set.Set, component string) Image {
	return Image{
		Name: name, Tag: fromComponent, For: of, Component: component,
		Accounts:   argoAccounts,
		Entries:    []Entry{program(component, "/bin/"+executable)},
		User:       argoUID,
		Entrypoint: []string{executable},
	}
}
