// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Command argoevents does with an event what a Sensor of Argo Events does, with the code
// of Argo Events: it filters the event, applies it to the parameters of the trigger, and
// creates the Workflow. It is not a Sensor: no EventSource receives the event, and no
// EventBus carries it.
//
//	argoevents SENSOR.yaml <body.json   creates a Workflow in the cluster of KUBECONFIG
//	                                    and prints its name, or says that the event is
//	                                    not selected
//
// This is a separate module, so that Argo Events stays out of the product's go.mod.
package main
