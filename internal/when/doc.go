// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package when decides whether the change of an object counts for a trigger: by a
// boolean expression of expr-lang/expr over old and new, the object before and after.
//
//	spec.triggers[].when ─▶ Compile ─┬─▶ Program
//	                                 └─▶ a Problem, with the position
//	Program, object ─▶ Values ─▶ JSON, which the status of the Stanza keeps
//	Program, Values of before, object ─▶ Eval ─▶ the change counts, or does not
//
// The operator remembers no object but only what the expression reads of it. So the
// package finds each path that it reads, such as spec.replicas, and an expression must
// name its paths: old as a whole, or old[new.kind], is refused.
//
// An expression sees kind, metadata.name, metadata.labels and spec. What is not there is
// nil: a member of an object without it, an item beyond the end of a list, and whatever
// is below something that is nil. Reading it is no error.
//
// What it reads is in a status, which more people may read than the object. So what may
// hold a secret is refused in a path and left out of a value: env, envFrom, args,
// command, annotations, and the others in hidden.
//
// The package is pure. Package expression bounds the time and the memory, and what is
// read of an object is at most MaxValues.
package when
