// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// The few fields that we read.

type condition struct {
	Type              string
	Status            string
	Message           string
	LastHeartbeatTime time.Time
}

type nodeObject struct {
	Status struct{ Conditions []condition }
}

type podList struct{ Items []pod }

type pod struct {
	Metadata struct {
		Name              string
		DeletionTimestamp *time.Time
	}
	Status struct {
		Phase             string
		Conditions        []condition
		ContainerStatuses []containerStatus
	}
}

type containerStatus struct {
	Name  string
	State struct {
		Running *struct{ StartedAt time.Time }
		Waiting *struct{ Reason, Message string }
	}
}

// NodeReady returns an error that says why a node is not ready. Only a report since
// the given time counts: after a restart the API server still holds the old one.
func (c *Client) NodeReady(ctx context.Context, name string, since time.Time) error {
	var n nodeObject
	if err := c.Get(ctx, "/api/v1/nodes/"+name, &n); err != nil {
		return err
	}
	for _, cond := range n.Status.Conditions {
		if cond.Type != "Ready" {
			continue
		}
		if cond.LastHeartbeatTime.Before(since.Truncate(time.Second)) {
			return errors.New("node has not reported since the start")
		}
		if cond.Status != "True" {
			return errors.New("node is not ready: " + cond.Message)
		}
		return nil
	}
	return errors.New("node has no Ready condition")
}

// PodReady returns an error that says why a workload has no ready pod whose
// containers were started since the given time.
func (c *Client) PodReady(ctx context.Context, namespace, selector string, since time.Time) error {
	var list podList
	path := "/api/v1/namespaces/" + namespace + "/pods?labelSelector=" + url.QueryEscape(selector)
	if err := c.Get(ctx, path, &list); err != nil {
		return err
	}
	problem := fmt.Errorf("no pod %s in namespace %s", selector, namespace)
	for _, p := range list.Items {
		if p.Metadata.DeletionTimestamp != nil {
			continue
		}
		if problem = p.ready(since); problem == nil {
			return nil
		}
	}
	return problem
}

func (p pod) ready(since time.Time) error {
	for _, s := range p.Status.ContainerStatuses {
		switch {
		case s.State.Waiting != nil:
			return fmt.Errorf("pod %s: container %s waits: %s %s", p.Metadata.Name, s.Name, s.State.Waiting.Reason, s.State.Waiting.Message)
		case s.State.Running == nil, s.State.Running.StartedAt.Before(since.Truncate(time.Second)):
			return fmt.Errorf("pod %s: container %s has not started yet", p.Metadata.Name, s.Name)
		}
	}
	for _, cond := range p.Status.Conditions {
		if cond.Type == "Ready" && cond.Status == "True" {
			return nil
		}
	}
	return fmt.Errorf("pod %s is not ready (%s)", p.Metadata.Name, p.Status.Phase)
}
