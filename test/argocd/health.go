// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// scripts maps the key of a kind, such as stanzaflow.dev_Stanza, to its health script.
type scripts map[string]string

const scriptKey = "resource.customizations.health."

// readScripts reads them from Argo CD's ConfigMap, or from a patch of it.
func readScripts(file string) (scripts, error) {
	text, err := os.ReadFile(file) //nolint:gosec // The caller says which.
	if err != nil {
		return nil, err
	}
	var configMap struct {
		Data map[string]string `json:"data"`
	}
	if err := yaml.UnmarshalStrict(text, &configMap); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	found := scripts{}
	for key, script := range configMap.Data {
		if kind, ok := strings.CutPrefix(key, scriptKey); ok {
			found[kind] = script
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no key %s…", file, scriptKey)
	}
	return found, nil
}

// GetResourceHealth runs the script for the kind of an object. Without one the engine's
// own check decides.
func (s scripts) GetResourceHealth(object *unstructured.Unstructured) (*health.HealthStatus, error) {
	kind := object.GroupVersionKind()
	script, ok := s[kind.Group+"_"+kind.Kind]
	if !ok {
		return nil, nil //nolint:nilnil // The engine asks for this.
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	l.SetContext(ctx)
	// Argo CD opens also package and a part of os. A script that needs none of these runs
	// wherever Argo CD is hardened further.
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return nil, err
		}
	}
	l.SetGlobal("obj", toLua(l, object.Object))
	if err := l.DoString(script); err != nil {
		return nil, err
	}
	table, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("the health script of %s returns %s, want a table", kind.Kind, l.Get(-1).Type())
	}
	status := &health.HealthStatus{
		Status:  health.HealthStatusCode(lua.LVAsString(table.RawGetString("status"))),
		Message: lua.LVAsString(table.RawGetString("message")),
	}
	switch status.Status {
	case health.HealthStatusHealthy, health.HealthStatusProgressing, health.HealthStatusDegraded, health.HealthStatusSuspended:
		return status, nil
	case health.HealthStatusMissing, health.HealthStatusUnknown:
	}
	return nil, fmt.Errorf("the health script of %s returns the status %q", kind.Kind, status.Status)
}

// toLua converts what JSON can hold.
func toLua(l *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case map[string]any:
		table := l.NewTable()
		for key, element := range v {
			table.RawSetString(key, toLua(l, element))
		}
		return table
	case []any:
		table := l.NewTable()
		for _, element := range v {
			table.Append(toLua(l, element))
		}
		return table
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	}
	return lua.LNil
}

// healthOf says how healthy the engine finds an object.
func healthOf(s scripts, text []byte) (*health.HealthStatus, error) {
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(text, object); err != nil {
		return nil, fmt.Errorf("cannot read the object: %w", err)
	}
	status, err := health.GetResourceHealth(object, s)
	if err == nil && status == nil {
		err = fmt.Errorf("Argo CD has no health for kind %s", object.GetKind()) //nolint:staticcheck // A name.
	}
	return status, err
}

func printHealth(s scripts, text []byte, out io.Writer) error {
	status, err := healthOf(s, text)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s %s\n", status.Status, status.Message)
	return err
}
