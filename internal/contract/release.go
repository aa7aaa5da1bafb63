// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"regexp"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"
)

// ownCommand finds a command of this program in a command line, also in one for a shell.
var ownCommand = regexp.MustCompile(`(?:^|[\s/])operator\s+(?:step|watch|drill-step)(?:\s|$)`)

// Images returns the images of the containers that run this program, sorted. Those that
// Argo evaluates are left out.
func Images(template *wfv1.WorkflowTemplate) []string {
	var images []string
	add := func(c corev1.Container) {
		words := strings.Join(slices.Concat(c.Command, c.Args), " ")
		if c.Image != "" && !strings.Contains(c.Image, "{{") && ownCommand.MatchString(words) {
			images = append(images, c.Image)
		}
	}
	for _, t := range template.Spec.Templates {
		if t.Container != nil {
			add(*t.Container)
		}
		if t.ContainerSet != nil {
			for _, node := range t.ContainerSet.Containers {
				add(node.Container)
			}
		}
	}
	slices.Sort(images)
	return slices.Compact(images)
}

// Tag is the tag of an image, empty without one.
func Tag(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return tag
}

// Age says whether something is of an older or a newer release than something else.
type Age int

// Ages. SameOrUnknown is also what nobody can say: a build between two releases, a tag
// that is no version, an image that only a digest names. To call such a difference a
// fault would be noise.
const (
	SameOrUnknown Age = iota
	Older
	Newer
)

// buildBetween ends the version of a build between two releases, as git describe has it.
var buildBetween = regexp.MustCompile(`-[0-9]+-g[0-9a-f]+|-dirty$`)

// CompareReleases says whether the first version is older or newer than the second.
func CompareReleases(of, than string) Age {
	if buildBetween.MatchString(of) || buildBetween.MatchString(than) {
		return SameOrUnknown
	}
	first, err := version.ParseSemantic(of)
	if err != nil {
		return SameOrUnknown
	}
	second, err := version.ParseSemantic(than)
	switch {
	case err != nil:
		return SameOrUnknown
	case first.LessThan(second):
		return Older
	case second.LessThan(first):
		return Newer
	}
	return SameOrUnknown
}

// OtherRelease returns the first image of a template that is of another release than a
// program, and whether that is older or newer.
func OtherRelease(template *wfv1.WorkflowTemplate, program string) (image string, age Age) {
	for _, image := range Images(template) {
		if age := CompareReleases(Tag(image), program); age != SameOrUnknown {
			return image, age
		}
	}
	return "", SameOrUnknown
}
