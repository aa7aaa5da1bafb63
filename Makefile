# Every target for people has a ## comment; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
DIST     ?= dist
FUZZTIME ?= 30s
BENCH    ?= .

# One set of flags for everything that is built here, so that it is compiled once.
# Without debug data, and with less garbage collection, the compiler takes a third
# less CPU.
export CGO_ENABLED = 0
export GOFLAGS = -trimpath -buildvcs=false -gcflags=all=-dwarf=false
export GOGC = 400
export GOMEMLIMIT = 2GiB
# The race detector is for code that runs concurrently. It needs a C compiler, and
# compiles everything again.
race := $(if $(shell command -v $${CC:-cc}),CGO_ENABLED=1 go test -race,go test)

tool    = go tool -modfile=hack/tools/$(1).mod $(1)
cluster = go -C test/cluster run .
# The images of the local cluster with PostgreSQL and pgBackRest.
postgres_images = stanzaflow.local/postgres:15-pgbackrest-2.45 stanzaflow.local/postgres:17-pgbackrest-2.55
# Modules with their own tests. The large ones compile all of Argo 4, Argo CD's engine or
# Argo Events, so only make test-full runs them.
modules = . hack/dashboards test/cluster test/chart test/alerts
large_modules = test/argo4 test/argocd test/argoevents
all_modules = $(modules) $(large_modules)

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Build

.PHONY: build
build: ## Build the operator, bin/operator.
	@go build -ldflags "-s -w -X main.version=$(VERSION)" -o bin/operator ./cmd/operator

.PHONY: image
image: build ## Build the operator's image, bin/operator.tar; its name is in bin/operator.image.
	@hack/image.sh

.PHONY: dist
dist: ## Write the files of a release into dist/: image for amd64 and arm64, manifests, Helm chart, notes, checksums.
	@VERSION=$(VERSION) DIST=$(DIST) hack/dist.sh

##@ Try

.PHONY: demo
demo: ## Back up a real PostgreSQL by a CronWorkflow and show the proof, in the local cluster; in your own with KUBECONFIG and LOAD or IMAGE, see README.md.
	@hack/demo.sh

.PHONY: cluster
cluster: ## Start the local cluster; SET=demo builds only what the demo needs.
	@$(cluster) up $(if $(SET),--for $(SET)) $(if $(UNTESTED),--untested)

.PHONY: cluster-down
cluster-down: ## Stop the local cluster, and leave nothing running or mounted.
	@$(cluster) down

.PHONY: cluster-wipe
cluster-wipe: ## Stop the local cluster and delete its state: objects, volumes, imported images. Built programs stay.
	@$(cluster) down --wipe

##@ Test: make test is what a change must pass. Times are for two cores, with everything built.

.PHONY: unit
unit: ## Test everything that needs only Go: translation, proof, golden files, manifests, documents. 1 min.
	@for module in $(modules); do go -C $$module test ./...; done
	@go -C test/cluster/components/kubernetes test ./internal/...

.PHONY: test
test: unit test-pgbackrest test-apiserver test-cluster ## Run unit, test-pgbackrest, test-apiserver and test-cluster. 35 min; about an hour from empty caches.

.PHONY: test-pgbackrest
test-pgbackrest: ## Hold what we know of pgBackRest against pgBackRest 2.45 and 2.55, restore plans against PostgreSQL, and make restore drills of PostgreSQL 15 and 17, without a cluster; as root: MAPS=n, HISTORIES=n, DRILLS=n, OPTIONS_SEED=n. 5 min.
	@PGBACKREST_IMAGES="$$($(cluster) tarball $(postgres_images) | tr '\n' ' ')" \
	  go test -tags pgbackrest -count=1 -timeout 30m ./test/pgbackrest -args $(if $(MAPS),-maps=$(MAPS)) $(if $(HISTORIES),-histories=$(HISTORIES)) $(if $(DRILLS),-drills=$(DRILLS)) -seed=$${OPTIONS_SEED:-$$(git rev-list --count HEAD 2>/dev/null || echo 0)}

.PHONY: test-apiserver
test-apiserver: ## Test the operator and all rights against a real kube-apiserver and etcd, with the race detector, and with a thousand clusters without it. 12 min.
	@$(cluster) assets
	@KUBEBUILDER_ASSETS="$$($(cluster) path bin)" $(race) -tags apiserver -timeout 25m ./internal/reconcile/... ./internal/run/step/... ./internal/submit ./internal/inspect ./internal/rollout ./test/standin ./test/killed ./hack
	@KUBEBUILDER_ASSETS="$$($(cluster) path bin)" go test -tags apiserver -run '^TestFleet' ./internal/reconcile ./internal/rollout
	@KUBEBUILDER_ASSETS="$$($(cluster) path bin)" go -C test/argocd test -tags apiserver ./...

.PHONY: test-killed
test-killed: ## Kill the operator at any moment around a trigger, against a real kube-apiserver: TRIALS=n, SEED=n. 30 trials take 3 min.
	@$(cluster) assets
	@KUBEBUILDER_ASSETS="$$($(cluster) path bin)" go test -tags apiserver -count=1 -timeout 60m -v -run '^TestKilled$$' ./test/killed -args -killed.trials=$(or $(TRIALS),30) -killed.seed=$(or $(SEED),0)

.PHONY: test-cluster
test-cluster: ## Run the demo, the everyday stories and a few faults: real backups, real restores; both operators beside CPO. RUN=regexp, SEED=n, LIST=1. 25 min.
	@hack/test-cluster.sh everyday

.PHONY: test-full
test-full: ## Run every story, storage, version and kind of fault that has not passed yet: RUN=regexp, FOR=15m, FORCE=1, LIST=1. 90 min.
	@for module in $(large_modules); do go -C $$module test ./...; done
	@$(if $(RUN),,$(MAKE) test-pgbackrest MAPS=$(if $(FOR),2000,10000) HISTORIES=$(if $(FOR),1,5) DRILLS=$(if $(FOR),0,-1))
	@$(if $(RUN)$(FOR),,$(MAKE) test-killed)
	@hack/test-cluster.sh full

.PHONY: faults
faults: ## Try every kind of fault with many seeds: SEEDS=n, FOR=90m, KINDS=regexp, FORM=pod|dag|compact|all, LIST=1. About 40 trials per hour and world.
	@hack/faults.sh

.PHONY: bench
bench: ## Measure the reading of a postgresql, the translation, a scrape of 1,000 clusters, a kept Workflow in the cache, a week of 10,000, 1,000 and 5,000 in one operator, and a run in each form against the Job that CPO would start.
	@GOGC=100 go test -run '^$$' -bench '$(BENCH)' -benchmem ./internal/cpo ./internal/translate ./internal/metrics ./internal/reconcile/packed
	@go test -count=1 -timeout 30m -v -run '^TestWeek$$' ./test/storm -args -storm.clusters=$(or $(CLUSTERS),10000) | grep -v '^=== '
	@hack/fleet.sh
	@hack/bench.sh

.PHONY: fleet
fleet: ## Measure the operator with thousands of clusters, without a cluster; as root: FLEET=10000,20000, LIMIT=1Gi, SOAK=120m, SEED=n. docs/scale.md.
	@hack/fleet.sh

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME.
	@hack/fuzz.sh $(FUZZTIME)

##@ Check

.PHONY: lint
lint: ## Check style and architecture.
	@go vet -tags apiserver,cluster,pgbackrest ./...
	@$(call tool,golangci-lint) run --allow-parallel-runners --build-tags apiserver,cluster,pgbackrest ./...
	@for module in hack/dashboards test/cluster test/chart test/alerts $(large_modules); do \
	  (cd $$module && go tool -modfile=../../hack/tools/golangci-lint.mod golangci-lint run --allow-parallel-runners --config ../../.golangci.yml ./...); \
	done

.PHONY: fmt
fmt: ## Format the code.
	@$(call tool,golangci-lint) fmt ./...

.PHONY: generate
generate: ## Write the generated files: deep copies, the CRD of Stanza, the rules for the Prometheus operator, the dashboards.
	@$(call tool,controller-gen) object:headerFile=hack/boilerplate.go.txt paths=./api/... \
	  crd:maxDescLen=2000 output:crd:artifacts:config=deploy/crds
	@hack/rules.sh
	@go -C hack/dashboards run . generate

.PHONY: verify
verify: generate ## Fail if a generated file, a module file or a format is not up to date.
	@for module in $(all_modules); do go -C $$module mod tidy -diff; done
	@$(call tool,golangci-lint) fmt --diff ./... 
	@git diff --exit-code -- api deploy || { echo "run make generate and commit the result" >&2; exit 1; }

.PHONY: vuln
vuln: ## Look for known vulnerabilities; say so if their database cannot be reached.
	@hack/vuln.sh
