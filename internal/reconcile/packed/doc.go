// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package packed is a cache.Cache that holds its objects compressed. A decoded object is
// many small maps and strings, about five times as large as its JSON, and the objects of
// a fleet are much alike: compressed with another one of their kind as dictionary, each
// takes a few hundred bytes. See docs/scale.md for the figures.
//
//	watch ─▶ transform of the options ─▶ pack ─▶ informer ─▶ handlers get *Object
//	                                               │
//	                      Get, List, Each ◀─ unpack┘
//
// It promises:
//   - Get and List return what the cache of controller-runtime returns, each time a copy
//     of its own. List finds by label and by field through an index.
//   - Each unpacks one object at a time.
//   - List of a metav1.PartialObjectMetadataList returns names and labels of a packed
//     kind, and unpacks nothing.
//
// Objects that are watched by their metadata only are held as they are.
package packed
