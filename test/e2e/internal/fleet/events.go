// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/test/standin"
)

const manifest = `
spec:
  teamId: acid
  numberOfInstances: 1
  postgresql: {version: "17"}
  volume: {size: 1Gi}
  backup:
    pgbackrest:
      image: containers.cybertec.at/cybertec-pg-container/pgbackrest:rocky9-18.3-2
      global: {repo1-retention-full: "2"}
      repos:
        - {name: repo1, STORAGE, schedule: {incr: 'EXPRESSION'}}
`

// spec is the whole resource of a cluster, without its name.
func (c *cluster) spec() string {
	storage := "storage: s3, resource: bucket, endpoint: 'https://s3.example.com:443', region: zurich"
	if c.pvc {
		storage = "storage: pvc, volume: {size: 1Gi}"
	}
	return strings.NewReplacer("STORAGE", storage, "EXPRESSION", c.expression).Replace(manifest)
}

// create makes a cluster. Its schedule is in force once CPO has made the CronJob.
func (f *Fleet) create(ctx context.Context, c *cluster) error {
	u := f.postgresql(c)
	if err := yaml.Unmarshal([]byte(c.spec()), &u.Object); err != nil {
		return err
	}
	f.name(u, c)
	err := f.until("created", func() error {
		if err := f.kit.Client.Create(ctx, u.DeepCopy()); !apierrors.IsAlreadyExists(err) {
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := f.until("made by CPO: the CronJob", func() error { return f.kit.TryGet(ctx, c.cronJob(), &batchv1.CronJob{}) }); err != nil {
		return err
	}
	f.mu.Lock()
	c.exists, c.managed = true, true
	f.mu.Unlock()
	f.begin(c)
	return nil
}

// edit moves the schedule by a minute. The new one is in force once both have it.
func (f *Fleet) edit(ctx context.Context, c *cluster) error {
	f.end(c)
	f.mu.Lock()
	if c.expression == expressions[0] {
		c.expression = expressions[1]
	} else {
		c.expression = expressions[0]
	}
	f.mu.Unlock()
	body, err := yaml.YAMLToJSON([]byte(c.spec()))
	if err != nil {
		return err
	}
	if err := f.patch(ctx, f.postgresql(c), string(body)); err != nil {
		return err
	}
	if err := f.awaitSchedule(ctx, c); err != nil {
		return err
	}
	f.begin(c)
	return nil
}

// awaitSchedule waits until the CronJob and the CronWorkflow, if there is one, have the
// schedule of the cluster.
func (f *Fleet) awaitSchedule(ctx context.Context, c *cluster) error {
	return f.until("in both: the schedule", func() error {
		cronJob := &batchv1.CronJob{}
		if err := f.kit.TryGet(ctx, c.cronJob(), cronJob); err != nil {
			return err
		}
		var ours wfv1.CronWorkflowList
		if err := f.kit.TryList(ctx, &ours, ofCluster(c)); err != nil {
			return err
		}
		if cronJob.Spec.Schedule != c.expression {
			return fmt.Errorf("the CronJob has %s", cronJob.Spec.Schedule)
		}
		for _, o := range ours.Items {
			if o.Spec.Schedules[0] != c.expression {
				return fmt.Errorf("the CronWorkflow has %s", o.Spec.Schedules[0])
			}
		}
		return nil
	})
}

// restore restores a cluster. During a restore there may be no backup.
func (f *Fleet) restore(ctx context.Context, c *cluster) error {
	f.end(c)
	c.restores++
	id := "restore-" + strconv.Itoa(c.restores)
	request := fmt.Sprintf(`{"spec":{"backup":{"pgbackrest":{"restore":{"id":%q,"repo":"repo1","options":{"type":"immediate"}}}}}}`, id)
	if err := f.patch(ctx, f.postgresql(c), request); err != nil {
		return err
	}
	err := f.until("restored", func() error {
		u := f.postgresql(c)
		if err := f.kit.Client.Get(ctx, client.ObjectKeyFromObject(u), u); err != nil {
			return err
		}
		p, err := standin.Decode(u)
		if err != nil {
			return err
		}
		if p.Status.RestoreID != id || p.Status.Cluster != "Running" {
			return fmt.Errorf("status is %+v", p.Status)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := f.awaitOwner(ctx, c); err != nil {
		return err
	}
	f.begin(c)
	return nil
}

// awaitOwner waits until one of the two is to make the backups: after a restore our
// CronWorkflow is resumed.
func (f *Fleet) awaitOwner(ctx context.Context, c *cluster) error {
	return f.until("in force", func() error {
		cronJob := &batchv1.CronJob{}
		if err := f.kit.TryGet(ctx, c.cronJob(), cronJob); err != nil || !*cronJob.Spec.Suspend {
			return err
		}
		var ours wfv1.CronWorkflowList
		if err := f.kit.TryList(ctx, &ours, ofCluster(c)); err != nil {
			return err
		}
		for _, o := range ours.Items {
			if !o.Spec.Suspend {
				return nil
			}
		}
		return fmt.Errorf("the CronJob is suspended, and none of %d CronWorkflows is in force", len(ours.Items))
	})
}

// release gives the schedules of a cluster back to CPO. No slot is missed.
func (f *Fleet) release(ctx context.Context, c *cluster) error {
	f.mu.Lock()
	c.managed = false
	f.mu.Unlock()
	if err := f.setManaged(ctx, c, false); err != nil {
		return err
	}
	return f.until("given back", func() error {
		cronJob := &batchv1.CronJob{}
		if err := f.kit.TryGet(ctx, c.cronJob(), cronJob); err != nil {
			return err
		}
		if *cronJob.Spec.Suspend {
			return fmt.Errorf("the CronJob is suspended")
		}
		return nil
	})
}

// manage lets us have the schedules again.
func (f *Fleet) manage(ctx context.Context, c *cluster) error {
	f.mu.Lock()
	c.managed = true
	f.mu.Unlock()
	return f.setManaged(ctx, c, true)
}

// awaitTaken waits until we have the schedule.
func (f *Fleet) awaitTaken(ctx context.Context, c *cluster) error {
	return f.until("taken over", func() error {
		cronJob := &batchv1.CronJob{}
		if err := f.kit.TryGet(ctx, c.cronJob(), cronJob); err != nil {
			return err
		}
		if !*cronJob.Spec.Suspend {
			return fmt.Errorf("the CronJob is not suspended")
		}
		return nil
	})
}

// awaitJob waits until CPO has the schedule and has run a slot.
func (f *Fleet) awaitJob(ctx context.Context, c *cluster) error {
	given := time.Now()
	return f.until("run by CPO: a slot", func() error {
		cronJob := &batchv1.CronJob{}
		if err := f.kit.TryGet(ctx, c.cronJob(), cronJob); err != nil {
			return err
		}
		if last := cronJob.Status.LastScheduleTime; last == nil || last.Time.Before(given.Add(-time.Minute)) {
			return fmt.Errorf("the last one is %s", last)
		}
		return nil
	})
}

func (f *Fleet) setManaged(ctx context.Context, c *cluster, managed bool) error {
	stanza := &stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Namespace: f.kit.Namespace, Name: c.name}}
	return f.patch(ctx, stanza, fmt.Sprintf(`{"spec":{"managed":%t}}`, managed))
}

// deleteCronJob deletes the CronJob of CPO, which makes another one. No slot is missed.
func (f *Fleet) deleteCronJob(ctx context.Context, c *cluster) error {
	was := &batchv1.CronJob{}
	if err := f.until("found: the CronJob", func() error { return f.kit.TryGet(ctx, c.cronJob(), was) }); err != nil {
		return err
	}
	if !*was.Spec.Suspend {
		return nil // CPO has the schedule. Without its CronJob, nobody would.
	}
	err := f.until("deleted", func() error {
		return client.IgnoreNotFound(f.kit.Client.Delete(ctx, was.DeepCopy(), client.Preconditions{UID: &was.UID}, client.PropagationPolicy(metav1.DeletePropagationOrphan)))
	})
	if err != nil {
		return err
	}
	return f.until("made again: the CronJob", func() error {
		is := &batchv1.CronJob{}
		if err := f.kit.TryGet(ctx, c.cronJob(), is); err != nil {
			return err
		}
		if is.UID == was.UID {
			return fmt.Errorf("it is the old one")
		}
		return nil
	})
}

// remove deletes a cluster. Its schedules go with it. CPO forgets a cluster if it is
// killed before it has cleaned up, and then an administrator must.
func (f *Fleet) remove(ctx context.Context, c *cluster) error {
	f.end(c)
	err := f.until("deleted", func() error { return client.IgnoreNotFound(f.kit.Client.Delete(ctx, f.postgresql(c))) })
	if err != nil {
		return err
	}
	err = f.until("gone: our schedules", func() error {
		var ours wfv1.CronWorkflowList
		if err := f.kit.TryList(ctx, &ours, ofCluster(c)); err != nil {
			return err
		}
		if n := len(ours.Items); n > 0 {
			return fmt.Errorf("%d are there", n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = f.until("gone: CPO's CronJobs", func() error {
		return f.kit.Client.DeleteAllOf(
			ctx, &batchv1.CronJob{}, client.InNamespace(f.kit.Namespace), client.MatchingLabels{ClusterLabel: c.name},
			client.PropagationPolicy(metav1.DeletePropagationOrphan),
		)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	c.exists, c.restores = false, 0
	return err
}
