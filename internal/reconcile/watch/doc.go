// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package watch follows objects of others by their metadata, and only where a
// trigger asks for them: those of one resource in one namespace.
//
//	Follow(cluster, targets) ─▶ an informer for each target ─▶ Add(cluster) in the queue
//	List(target) ─▶ the metadata, as far as they are known
//
// It promises:
//   - Nothing is watched that no cluster asks for. When the last one stops asking, the
//     watch ends.
//   - No spec of an object is held, and neither are its annotations. Who wants to know
//     what has changed reads the object when its generation has.
//   - A list that is not complete yet, or that the operator may not read, is never an
//     empty list: List says so.
package watch
