// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fine is a machine that has everything.
func fine() Facts {
	return Facts{
		Root: true, Go: "go1.26.8", FreeMemory: 8 << 30,
		System: System{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)"},
		Disks:  []Disk{{Path: "/cache", Free: 50e9, Need: 12e9}},
	}
}

func TestNothingToDoIsSilent(t *testing.T) {
	t.Parallel()
	f := fine()
	if err := f.Problems(); err != nil {
		t.Error(err)
	}
	if plan := f.Plan(); len(plan) > 0 {
		t.Errorf("plan: %q", plan)
	}
	f.Running, f.FreeMemory, f.Kernel = true, 1<<20, []string{"kernel.panic"}
	if err := f.Problems(); err != nil || len(f.Plan()) > 0 {
		t.Errorf("a running cluster needs nothing more: %v, %q", err, f.Plan())
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	refused := errors.New("connection refused")
	cases := map[string]struct {
		change func(*Facts)
		want   string // empty if there is no problem
	}{
		"NotRoot":       {func(f *Facts) { f.Root = false }, "needs root"},
		"Ubuntu":        {func(f *Facts) { f.System = System{"ubuntu", "12", "Ubuntu 12"} }, "this is Ubuntu 12, and only Debian 12"},
		"OtherRelease":  {func(f *Facts) { f.System.Version, f.System.Name = "13", "Debian 13" }, "this is Debian 13"},
		"Accepted":      {func(f *Facts) { f.System.Version, f.Untested = "13", true }, ""},
		"OldGo":         {func(f *Facts) { f.Go = "go1.25.9" }, "Go is go1.25.9"},
		"NewGo":         {func(f *Facts) { f.Go = "go1.27.0" }, ""},
		"MemoryToRun":   {func(f *Facts) { f.FreeMemory = 2<<30 - 1 }, "the cluster needs 2.1 GB"},
		"Compile":       {func(f *Facts) { f.FreeMemory, f.Programs = 3<<30-1, []string{"kubernetes"} }, "compiling needs 3.2 GB"},
		"RunOnly":       {func(f *Facts) { f.FreeMemory = 3<<30 - 1 }, ""},
		"Disk":          {func(f *Facts) { f.Disks[0].Free = 11e9 }, "11.0 GB are free below /cache"},
		"Refused":       {func(f *Facts) { f.Registries = []Registry{{Name: "the Go proxy", Err: refused}} }, "the Go proxy cannot be used: connection refused"},
		"SlowIsNoProof": {func(f *Facts) { f.Registries = []Registry{{Name: "the Go proxy", Err: refused, TimeOut: true}} }, ""},
		"Answers":       {func(f *Facts) { f.Registries = []Registry{{Name: "the Go proxy"}} }, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fine()
			tc.change(&f)
			err := f.Problems()
			if tc.want == "" && err != nil {
				t.Errorf("problems: %v", err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("problems: %v, want one with %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than the one: %v", err)
			}
		})
	}
}

// A person who must change several things learns of all of them at once.
func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	f := fine()
	f.Root, f.FreeMemory = false, 0
	if got := strings.Count(f.Problems().Error(), "\n"); got != 1 {
		t.Errorf("problems: %v, want two lines", f.Problems())
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	f := fine()
	f.Packages = []string{"containerd", "runc"}
	f.Programs, f.Images = []string{"kubernetes", "coredns"}, []string{"postgres"}
	f.Work = 9*time.Minute + 40*time.Second
	f.Kernel = []string{"kernel.panic from 0 to 10"}
	f.Go = "go1.27.1"
	f.Registries = []Registry{{Name: "the Go proxy", Err: errors.New("no answer"), TimeOut: true}, {Name: "Debian"}}
	want := []string{
		"will install Debian packages: containerd runc",
		"will build, which takes about 10 min (an estimate): kubernetes, coredns, images of postgres",
		"will change kernel settings until the machine starts again: kernel.panic from 0 to 10",
		"warning: go1.27.1 has not been tried, only go1.26",
		"warning: the Go proxy does not answer quickly: no answer",
	}
	if diff := cmp.Diff(want, f.Plan()); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}
