// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package argoui reads Argo as its UI does, and writes down what a person sees there.
//
// The UI is a program of the browser. Argo's Go module does not have its built pages, so
// the tests cannot open them. But they can make the same requests of the Argo server
// (Client), and choose and order what comes back as the pages do (Row, Run, Logs). Package
// page keeps that as text.
//
// The rules of the UI that are repeated here are those of Argo 3.7: which buttons a run
// has, where a log comes from, how much of a description the list shows.
package argoui
