// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/go-logr/logr/funcr"
)

func TestCollectOften(t *testing.T) {
	for user, want := range map[string]int{"": garbage, "80": 123} {
		was := debug.SetGCPercent(123)
		t.Cleanup(func() { debug.SetGCPercent(was) })
		t.Setenv("GOGC", user)
		collectOften()
		if got := debug.SetGCPercent(was); got != want {
			t.Errorf("with GOGC %q Go lets %d %% of garbage grow, want %d", user, got, want)
		}
	}
}

// TestLimitMemory sets what Go may use, and says how many clusters that is enough for.
func TestLimitMemory(t *testing.T) {
	const mib = 1 << 20
	none := func(err error) memlimit.Provider { return func() (uint64, error) { return 0, err } }
	for name, tc := range map[string]struct {
		container memlimit.Provider
		user      string
		want      int64
		log       string
	}{
		"a limit of the container":     {memlimit.Limit(500 * mib), "", 450 * mib, `"Memory is limited" "limit"="450 MiB" "enoughForClusters"=14262 "enoughForClustersWith90Workflows"=2643`},
		"a limit without any room":     {memlimit.Limit(50 * mib), "", 45 * mib, `"limit"="45 MiB" "enoughForClusters"=0 "enoughForClustersWith90Workflows"=0`},
		"a user knows better":          {memlimit.Limit(500 * mib), "300MiB", 300 * mib, `"limit"="300 MiB" "enoughForClusters"=8777 "enoughForClustersWith90Workflows"=`},
		"a container without a limit":  {none(memlimit.ErrNoLimit), "", math.MaxInt64, ""},
		"no container":                 {none(memlimit.ErrNoCgroup), "", math.MaxInt64, ""},
		"no Linux":                     {none(memlimit.ErrCgroupsNotSupported), "", math.MaxInt64, ""},
		"a limit that cannot be read":  {none(errors.New("permission denied")), "", math.MaxInt64, `"Cannot read the memory limit of the container`},
		"no container, but a user has": {none(memlimit.ErrNoCgroup), "300MiB", 300 * mib, `"limit"="300 MiB"`},
	} {
		t.Run(name, func(t *testing.T) {
			was := debug.SetMemoryLimit(math.MaxInt64)
			t.Cleanup(func() { debug.SetMemoryLimit(was) })
			t.Setenv("GOMEMLIMIT", tc.user)
			if tc.user == "" {
				_ = os.Unsetenv("GOMEMLIMIT") // t.Setenv sets it back.
			} else {
				debug.SetMemoryLimit(tc.want) // Go reads it at its start.
			}
			var log strings.Builder
			limitMemory(tc.container, funcr.New(func(_, args string) { log.WriteString(args + "\n") }, funcr.Options{}))
			if got := debug.SetMemoryLimit(-1); got != tc.want {
				t.Errorf("Go may use %d bytes, want %d", got, tc.want)
			}
			lines := strings.Count(log.String(), "\n")
			if !strings.Contains(log.String(), tc.log) || (tc.log == "") != (lines == 0) || lines > 1 {
				t.Errorf("want one line with %s:\n%s", tc.log, &log)
			}
		})
	}
}

// TestMemoryIsShown: the alert about memory compares these two.
func TestMemoryIsShown(t *testing.T) {
	answer := httptest.NewRecorder()
	newPage().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	for _, name := range []string{"process_resident_memory_bytes", "go_gc_gomemlimit_bytes"} {
		if !regexp.MustCompile(`(?m)^` + name + ` [0-9]`).MatchString(answer.Body.String()) {
			t.Errorf("the page has no %s", name)
		}
	}
}
