// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrNoPkill means that an image has no pkill. CPO's repo host is such a one.
var ErrNoPkill = errors.New("there is no pkill")

// Signal runs pkill in a container. It reports whether there was a process to
// send the signal to.
func (c *Cluster) Signal(ctx context.Context, at Place, argv []string) (bool, error) {
	out, err := c.Capture(ctx, at, argv)
	code, ended := ExitCode(err)
	switch {
	case ended && code == 0:
		return true, nil
	case ended && code == 1:
		return false, nil
	case missing(code, err):
		return false, fmt.Errorf("%w in %s", ErrNoPkill, at)
	}
	return false, fmt.Errorf("pkill failed in %s: %s", at, cmp.Or(out.Complaint(), err.Error()))
}

// missing reports whether a program is not in the image. Whether that is an exit
// code or an error depends on the container runtime.
func missing(code int, err error) bool {
	return code == 126 || code == 127 || strings.Contains(err.Error(), "executable file not found")
}
