// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package beside

import "testing"

func TestDiff(t *testing.T) {
	t.Parallel()
	cronJob := func(spec map[string]any) map[string]any { return map[string]any{"kind": "CronJob", "spec": spec} }
	before := Objects{
		"CronJob incr": cronJob(map[string]any{"suspend": false, "schedule": "* * * * *"}),
		"ConfigMap c":  {"kind": "ConfigMap", "data": "text"},
	}
	for name, c := range map[string]struct {
		after   Objects
		differs bool
	}{
		"only suspend": {Objects{
			"CronJob incr": cronJob(map[string]any{"suspend": true, "schedule": "* * * * *"}), "ConfigMap c": before["ConfigMap c"],
		}, false},
		"another field": {Objects{
			"CronJob incr": cronJob(map[string]any{"suspend": true, "schedule": "0 0 * * *"}), "ConfigMap c": before["ConfigMap c"],
		}, true},
		"another object": {Objects{
			"CronJob incr": before["CronJob incr"], "ConfigMap c": {"kind": "ConfigMap", "data": "ours"},
		}, true},
		"gone": {Objects{"CronJob incr": before["CronJob incr"]}, true},
		"new": {Objects{
			"CronJob incr": before["CronJob incr"], "ConfigMap c": before["ConfigMap c"], "Secret s": {"kind": "Secret"},
		}, true},
	} {
		if diff := before.diff(c.after, []string{"suspend"}); (diff != "") != c.differs {
			t.Errorf("%s: differs is %v, want %v:\n%s", name, diff != "", c.differs, diff)
		}
	}
}
