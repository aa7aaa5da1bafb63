// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package argoui

import (
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/page"
)

// What a row of the list has room for, at a width of 1600 pixels.
const (
	roomOfDescription = 20
	roomOfMessage     = 25
)

const (
	annotationTitle       = "workflows.argoproj.io/title"
	annotationDescription = "workflows.argoproj.io/description"
	labelArchivingStatus  = "workflows.argoproj.io/workflow-archiving-status"
)

// What the label of archiving says of a run: Argo has archived it and its Workflow is
// there, or the run comes from the archive.
const (
	archived  = "Archived"
	persisted = "Persisted"
)

func archivingStatus(workflow *wfv1.Workflow) string { return workflow.Labels[labelArchivingStatus] }

func isArchived(workflow *wfv1.Workflow) bool {
	return archivingStatus(workflow) == archived || archivingStatus(workflow) == persisted
}

// sortByYouth puts the last created run first.
func sortByYouth(workflows []wfv1.Workflow) {
	slices.SortStableFunc(workflows, func(a, b wfv1.Workflow) int {
		return b.CreationTimestamp.Compare(a.CreationTimestamp.Time)
	})
}

// Table writes runs as a table of the UI, without namespace and times: in the list, on the
// page of a CronWorkflow and on that of a template it is the same table.
func Table(workflows []wfv1.Workflow, columns []wfv1.Column) string {
	head := []string{"", "NAME", "PROGRESS", "MESSAGE", "ARCHIVED"}
	for _, column := range columns {
		head = append(head, column.Name)
	}
	rows := [][]string{head}
	for i := range workflows {
		rows = append(rows, row(&workflows[i], columns))
	}
	return page.Rows(rows)
}

func row(workflow *wfv1.Workflow, columns []wfv1.Column) []string {
	name := Title(workflow)
	if description := workflow.Annotations[annotationDescription]; description != "" {
		name += "<br>" + cut(description, roomOfDescription)
	}
	cells := []string{
		icon(string(workflow.Status.Phase)), name, or(string(workflow.Status.Progress), "-"),
		or(cut(workflow.Status.Message, roomOfMessage), "-"), map[bool]string{true: "true", false: "false"}[isArchived(workflow)],
	}
	for _, column := range columns {
		values := workflow.Labels
		if column.Type != "label" {
			values = workflow.Annotations
		}
		cells = append(cells, or(values[column.Key], "unknown"))
	}
	return cells
}

// Title is the name of a run in the list.
func Title(workflow *wfv1.Workflow) string {
	return or(workflow.Annotations[annotationTitle], workflow.Name)
}

// icon stands for the icon of a phase.
func icon(phase string) string {
	switch phase {
	case "Succeeded":
		return "✔"
	case "Failed", "Error":
		return "✖"
	case "Running":
		return "◌"
	case "Pending", "":
		return "◷"
	default: // Skipped, Omitted.
		return "○"
	}
}

func cut(text string, room int) string {
	line, _, more := strings.Cut(text, "\n")
	if letters := []rune(line); len(letters) > room {
		return strings.TrimSpace(string(letters[:room])) + "…"
	}
	if more {
		return line + "…"
	}
	return line
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
