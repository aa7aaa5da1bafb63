// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/stanzaflow/stanzaflow/hack/dashboards/internal/picture"
	"github.com/stanzaflow/stanzaflow/hack/dashboards/internal/record"
)

// The folders that generate writes and that draw reads and writes. The first and the last
// are links: go test does not notice a change of a file outside the module, and would show
// the cached result.
const (
	generated = "testdata/dashboards"
	recorded  = "testdata/recorded"
	pictures  = "testdata/pictures"
)

// check runs every query of the dashboards against a Prometheus, and fails if one returns
// nothing. It can keep the answers, for draw.
func check(ctx context.Context, arguments []string, out io.Writer) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	address := flags.String("prometheus", "", "address of the Prometheus")
	namespace := flags.String("namespace", "", "namespace of the database that the dashboard of one shows")
	cluster := flags.String("cluster", "", "its name")
	window := flags.Duration("range", time.Hour, "how long before now the dashboards begin")
	keep := flags.Bool("record", false, "keep the answers in "+recorded)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	choice := record.Choice{Namespace: *namespace, Cluster: *cluster, Range: *window}
	now := time.Now() //nolint:forbidigo // The Prometheus has the same clock.
	for name := range boards {
		d, err := record.ReadDashboard(filepath.Join(generated, name+".json"))
		if err != nil {
			return err
		}
		r, err := record.Ask(ctx, *address, d, choice, now)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s: %d queries return data\n", d.Title, len(r.Answers)); err != nil {
			return err
		}
		if !*keep {
			continue
		}
		if err := r.Write(filepath.Join(recorded, name+".json")); err != nil {
			return err
		}
	}
	return nil
}

// drawAll draws the recordings into a folder.
func drawAll(dir string) error {
	for name := range boards {
		d, err := record.ReadDashboard(filepath.Join(generated, name+".json"))
		if err != nil {
			return err
		}
		r, err := record.Read(filepath.Join(recorded, name+".json"))
		if err != nil {
			return err
		}
		if err := drawOne(filepath.Join(dir, name+".png"), d, r); err != nil {
			return err
		}
	}
	return nil
}

func drawOne(file string, d record.Dashboard, r record.Recording) error {
	f, err := os.Create(file) //nolint:gosec // The caller names it.
	if err != nil {
		return err
	}
	if err := picture.Draw(f, d, r); err != nil {
		return fmt.Errorf("dashboard %s: %w", d.Title, err)
	}
	return f.Close()
}
