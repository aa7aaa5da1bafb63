// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"fmt"
	"strings"
)

// account is a line of /etc/passwd and its group.
type account struct {
	Name string
	UID  string
	Home string
}

var (
	rootAccount    = account{Name: "root", UID: "0", Home: "/root"}
	nonrootAccount = account{Name: "nonroot", UID: "65532", Home: "/home/nonroot"}
	argoAccount    = account{Name: "argo", UID: argoUID, Home: argoHome}
	argoAccounts   = []account{rootAccount, argoAccount}
)

// caBundle is where Debian and Go's crypto/x509 look for certificates.
const caBundle = "/etc/ssl/certs/ca-certificates.crt"

// certificates returns the certificates of this machine.
var certificates = Entry{Path: caBundle, Source: caBundle}

// minimal returns the files that a static program expects.
func minimal(accounts []account) []Entry {
	var passwd, group strings.Builder
	for _, a := range accounts {
		fmt.Fprintf(&passwd, "%s:x:%s:%s::%s:/bin/sh\n", a.Name, a.UID, a.UID, a.Home)
		fmt.Fprintf(&group, "%s:x:%s:\n", a.Name, a.UID)
	}
	return []Entry{
		{Path: "/etc/passwd", Content: []byte(passwd.String())},
		{Path: "/etc/group", Content: []byte(group.String())},
		// Without it Go's resolver asks DNS before /etc/hosts.
		{Path: "/etc/nsswitch.conf", Content: []byte("hosts: files dns\n")},
		{Path: "/tmp", Mode: 0o1777},
	}
}
