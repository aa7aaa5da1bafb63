// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/standin"
)

// CPO is the stand-in in this process. Kill ends it in the middle of whatever it does,
// and another one begins.
type CPO struct {
	Record *standin.Record

	kit     *kit.Kit
	options standin.Options
	logf    func(string, ...any)

	mu   sync.Mutex
	kill context.CancelFunc // guarded by mu
}

// jobCommand is trivial, and in the image of the operator.
var jobCommand = []string{"/operator", "version"}

// nobody schedules the pods of PostgreSQL.
const nobody = "nobody"

func newCPO(k *kit.Kit, resync time.Duration, logf func(string, ...any)) *CPO {
	c := &CPO{Record: &standin.Record{}, kit: k, logf: logf}
	c.options = standin.Options{
		Namespace: k.Namespace, Resync: resync, Record: c.Record, PodTimeout: time.Minute, Logf: logf,
		AdjustPod: func(template *corev1.PodTemplateSpec) {
			if template.Spec.RestartPolicy != corev1.RestartPolicyNever {
				template.Spec.SchedulerName = nobody
				return
			}
			container := &template.Spec.Containers[0]
			container.Image, container.Command = k.Image, jobCommand
			template.Spec.TerminationGracePeriodSeconds = new(int64(1))
		},
	}
	return c
}

// Register registers the schemas of CPO.
func (c *CPO) Register(ctx context.Context) error {
	operator, err := standin.New(c.kit.Config, c.options)
	if err != nil {
		return err
	}
	return operator.Register(ctx)
}

// Run works until the context ends.
func (c *CPO) Run(ctx context.Context) {
	pods, err := standin.NewPods(c.kit.Config, c.options)
	if err != nil {
		c.logf("no pods: %v", err)
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { pods.Run(ctx) })
	for ctx.Err() == nil {
		operator, err := standin.New(c.kit.Config, c.options)
		if err != nil {
			c.logf("no CPO: %v", err)
			return
		}
		alive, kill := context.WithCancel(ctx)
		c.mu.Lock()
		c.kill = kill
		c.mu.Unlock()
		if err := operator.Run(alive); err != nil {
			c.logf("CPO: %v", err)
		}
		kill()
	}
}

// Kill kills it.
func (c *CPO) Kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kill != nil {
		c.kill()
	}
}
