# Every target that is meant for people has a ## comment; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 30s
BENCH    ?= .

# The race detector needs a C compiler; without one the tests run without it.
race := $(if $(shell command -v $${CC:-cc}),-race)

tool    = go tool -modfile=hack/tools/$(1).mod $(1)
cluster = go -C test/cluster run .
# Modules with tests of their own.
modules = . test/cluster

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Build

.PHONY: build
build: ## Build the operator, bin/operator.
	@CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)" -o bin/operator ./cmd/operator

.PHONY: image
image: build ## Make the image of the operator, bin/operator.tar; its name is in bin/operator.image.
	@hack/image.sh

##@ Try

.PHONY: demo
demo: ## Back up a real PostgreSQL through a CronWorkflow and show the proof; in the cluster of KUBECONFIG, or else in a local one.
	@hack/demo.sh

.PHONY: cluster
cluster: ## Start the local cluster.
	@$(cluster) up

.PHONY: cluster-down
cluster-down: ## Stop the local cluster; nothing stays running or mounted.
	@$(cluster) down

##@ Test

.PHONY: test
test: unit test-apiserver test-cluster ## Run all tests, those in a real cluster included.

.PHONY: unit
unit: ## Run the tests that need nothing but Go.
	@$(if $(race),,echo "no C compiler: running without the race detector")
	@for module in $(modules); do go -C $$module test $(race) ./...; done
	@# Without the race detector, for which all of Kubernetes would be compiled again.
	@go -C test/cluster/components/kubernetes test ./internal/...

.PHONY: test-apiserver
test-apiserver: ## Run the tests against a real kube-apiserver and etcd.
	@$(cluster) assets
	@KUBEBUILDER_ASSETS="$$($(cluster) path bin)" go test $(race) -tags apiserver -timeout 15m ./internal/reconcile/... ./internal/step

.PHONY: test-cluster
test-cluster: ## Run the tests in the local cluster: real backups, real restores.
	@hack/test-cluster.sh

.PHONY: faults
faults: ## Break every part of the local cluster while runs go on: SEEDS=n, FOR=90m, KINDS=regexp, LIST=1.
	@hack/faults.sh

.PHONY: bench
bench: ## Measure: the translation, and a run against the Job that CPO would start.
	@go test -run '^$$' -bench '$(BENCH)' -benchmem ./internal/translate
	@hack/bench.sh

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME.
	@hack/fuzz.sh $(FUZZTIME)

##@ Check

.PHONY: lint
lint: ## Check style and architecture.
	@go vet ./... && go vet -tags apiserver ./internal/... && go vet -tags cluster ./test/...
	@$(call tool,golangci-lint) run --build-tags apiserver,cluster ./...
	@cd test/cluster && go tool -modfile=../../hack/tools/golangci-lint.mod golangci-lint run --config ../../.golangci.yml ./...

.PHONY: fmt
fmt: ## Format the code.
	@$(call tool,golangci-lint) fmt ./...

.PHONY: generate
generate: ## Write the generated files again: deep copies, the CRD of Stanza.
	@$(call tool,controller-gen) object:headerFile=hack/boilerplate.go.txt paths=./api/... \
	  crd:maxDescLen=2000 output:crd:artifacts:config=deploy/crds

.PHONY: verify
verify: generate ## Fail if a generated file, a module file or a format is not up to date.
	@for module in $(modules); do go -C $$module mod tidy -diff; done
	@$(call tool,golangci-lint) fmt --diff ./... 
	@git diff --exit-code -- api deploy || { echo "run make generate and commit the result" >&2; exit 1; }

.PHONY: vuln
vuln: ## Look for known vulnerabilities; says so when their database cannot be reached.
	@hack/vuln.sh
