// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package manifests holds what is applied to the cluster after its start.
//
// The files are Go templates over Values, so that image names and digests are
// said in one place: the image table.
package manifests

import (
	"embed"
	"strings"
	"text/template"
)

//go:embed *.yaml argo
var files embed.FS

// Values is what the templates may use.
type Values struct {
	// Image maps a name of the image table to the full reference.
	Image map[string]string
	// Digest maps it to the digest. As an annotation of a pod template it rolls
	// out an image that was rebuilt under the same tag.
	Digest      map[string]string
	DNSIP       string
	Provisioner string
	ArgoVersion string
	// Archive says whether Argo archives its workflows, ArchiveImage is the image of the
	// database that it archives them in.
	Archive      bool
	ArchiveImage string
}

// Render renders one file; path is relative to this directory.
func Render(path string, values Values) (string, error) {
	content, err := files.ReadFile(path)
	if err != nil {
		return "", err
	}
	t, err := template.New(path).Option("missingkey=error").Parse(string(content))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, values); err != nil {
		return "", err
	}
	return b.String(), nil
}
