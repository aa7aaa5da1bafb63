// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package argoui

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// Client makes the requests of the UI.
type Client struct {
	server string // http://10.0.0.1:2746
}

// New returns a client of the Argo server at an address.
func New(server string) *Client { return &Client{server: server} }

// listFields are what the list asks for. The server leaves everything else out.
const listFields = "metadata,items.metadata.uid,items.metadata.name,items.metadata.namespace," +
	"items.metadata.creationTimestamp,items.metadata.labels,items.metadata.annotations,items.status.phase," +
	"items.status.message,items.status.finishedAt,items.status.startedAt,items.status.estimatedDuration," +
	"items.status.progress,items.spec.suspend,items.spec.arguments"

// List returns the runs of a namespace with labels, as the list shows them: those of the
// cluster and those of the archive, the youngest first.
func (c *Client) List(ctx context.Context, namespace string, labels ...string) ([]wfv1.Workflow, error) {
	query := url.Values{"listOptions.limit": {"50"}, "fields": {listFields}}
	if len(labels) > 0 {
		query.Set("listOptions.labelSelector", strings.Join(labels, ","))
	}
	var list wfv1.WorkflowList
	err := c.get(ctx, "api/v1/workflows/"+namespace+"?"+query.Encode(), &list)
	sortByYouth(list.Items)
	return list.Items, err
}

// Workflow returns one run with all of its nodes. The UI adds the uid to the address of a
// run, with which the server also finds one whose Workflow has been deleted.
func (c *Client) Workflow(ctx context.Context, namespace, name, uid string) (*wfv1.Workflow, error) {
	var workflow wfv1.Workflow
	err := c.get(ctx, "api/v1/workflows/"+namespace+"/"+name+"?uid="+uid, &workflow)
	return &workflow, err
}

// Archived returns a run from the archive.
func (c *Client) Archived(ctx context.Context, namespace, uid string) (*wfv1.Workflow, error) {
	var workflow wfv1.Workflow
	err := c.get(ctx, "api/v1/archived-workflows/"+uid+"?namespace="+namespace, &workflow)
	return &workflow, err
}

// Forget deletes a run from the archive.
func (c *Client) Forget(ctx context.Context, namespace, uid string) error {
	_, err := c.text(ctx, http.MethodDelete, "api/v1/archived-workflows/"+uid+"?namespace="+namespace, nil)
	return err
}

// CronWorkflow returns one CronWorkflow.
func (c *Client) CronWorkflow(ctx context.Context, namespace, name string) (*wfv1.CronWorkflow, error) {
	var cron wfv1.CronWorkflow
	err := c.get(ctx, "api/v1/cron-workflows/"+namespace+"/"+name, &cron)
	return &cron, err
}

// Info is what the server says of itself to every page.
type Info struct {
	Links   []wfv1.Link   `json:"links"`
	Columns []wfv1.Column `json:"columns"`
}

// Info returns the links and the columns of the server's settings.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var info Info
	err := c.get(ctx, "api/v1/info", &info)
	return info, err
}

// Submit presses SUBMIT on the page of a CronWorkflow.
func (c *Client) Submit(ctx context.Context, namespace, cron string) (*wfv1.Workflow, error) {
	var workflow wfv1.Workflow
	body := map[string]any{"namespace": namespace, "resourceKind": "cronwf", "resourceName": cron}
	err := c.send(ctx, http.MethodPost, "api/v1/workflows/"+namespace+"/submit", body, &workflow)
	return &workflow, err
}

// Press presses a button on the page of a run: stop, terminate, retry or resubmit.
func (c *Client) Press(ctx context.Context, button, namespace, name string) (*wfv1.Workflow, error) {
	var workflow wfv1.Workflow
	body := map[string]any{"namespace": namespace, "name": name}
	err := c.send(ctx, http.MethodPut, "api/v1/workflows/"+namespace+"/"+name+"/"+button, body, &workflow)
	return &workflow, err
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	return c.send(ctx, http.MethodGet, path, nil, into)
}

func (c *Client) send(ctx context.Context, method, path string, body, into any) error {
	text, err := c.text(ctx, method, path, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// text returns the answer to a request. Any status but 200 is an error with the answer in
// it.
func (c *Client) text(ctx context.Context, method, path string, body any) ([]byte, error) {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.server+"/"+path, &content)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	return answer, nil
}
