// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Command dashboards writes our dashboards for Grafana, runs their queries against a
// Prometheus, and draws what they show. It runs in its own folder.
//
//	go run . generate   writes deploy/monitoring/dashboards; make generate does it
//	go run . check      runs every query; --record keeps the answers
//	go run . draw       draws the recorded answers into docs/pictures
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/stanzaflow/stanzaflow/hack/dashboards/internal/board"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "dashboards:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, out io.Writer) error {
	if len(arguments) == 0 {
		return errCommand
	}
	switch command, rest := arguments[0], arguments[1:]; {
	case command == "generate" && len(rest) == 0:
		return generate(generated)
	case command == "check":
		return check(ctx, rest, out)
	case command == "draw" && len(rest) == 0:
		return drawAll(pictures)
	}
	return errCommand
}

var errCommand = errors.New("want a command: generate, draw, or check --prometheus=URL --namespace=NAME --cluster=NAME")

// boards are the dashboards by the names of their files.
var boards = map[string]func() (dashboard.Dashboard, error){"fleet": board.Fleet, "database": board.Database}

// generate writes the JSON of each dashboard into a folder.
func generate(dir string) error {
	for name, build := range boards {
		d, err := build()
		if err != nil {
			return fmt.Errorf("dashboard %s: %w", name, err)
		}
		text, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return fmt.Errorf("dashboard %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".json"), append(text, '\n'), 0o644); err != nil { //nolint:gosec // Everybody may read it.
			return err
		}
	}
	return nil
}
