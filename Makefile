# Fluxbase. "make help" lists what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION)
# What the lint of protos compares with: the branch that changes go into.
BASE ?= main
TOOLS := bin/tools
export PATH := $(CURDIR)/$(TOOLS):$(PATH)

.PHONY: help up deps test-deps build test race lint format generate bench fuzz screenshots console-figures size clean tools

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

up: build ## Install what is needed, build, and start Fluxbase at http://localhost:8000
	exec bin/fluxbase dev

build: console/dist/index.html ## Build the console, bin/fluxbase, and bin/fluxbase-images where libvips is or can be installed
	go build -ldflags '$(LDFLAGS)' -o bin/fluxbase ./cmd/fluxbase
	if scripts/deps.sh vips; then go build -tags vips -ldflags '$(LDFLAGS)' -o bin/fluxbase-images ./cmd/fluxbase-images && bin/fluxbase-images -check; \
	else echo "bin/fluxbase-images was not built, so images are not resized (/storage/v1/render). All else works." >&2; fi

test: ## Run every check and test; everything it needs is installed first
	scripts/test.sh

race: ## Run the tests of the Go packages with the race detector (slow)
	go run ./internal/testkit/run -- go test -race -tags vips ./...

lint: tools console/node_modules/.stamp ## Lint protos, Go and the console; prove that generated files are fresh
	scripts/deps.sh vips
	scripts/lint.sh $(BASE)

format: ## Format Go and protos
	gofmt -w $$(git ls-files '*.go' | grep -v '^internal/gen/')
	if [ -x $(TOOLS)/buf ]; then $(TOOLS)/buf format -w proto/fluxbase; fi

generate: tools console/node_modules/.stamp ## Write generated code and pages anew
	buf generate
	for config in $$(git ls-files '*sqlc.yaml'); do (cd "$$(dirname "$$config")" && sqlc generate); done
	go test ./cmd/fluxbase -run 'TestCommandPages' -update
	go test ./dataplane/rest/standalone -run TestPage -update
	go test ./internal/archtest -run 'TestErrorsPage|TestConfigurationPage|TestGeneratedCodeIsFresh' -update

bench: export TMPDIR ?= /tmp
bench: ## Run the benchmarks, on disk; the table of REST beside the floor server comes last
	go run ./internal/testkit/run -- go test -tags vips -run '^$$' -bench . -benchmem $$(go list ./... | grep -v /loadtest/)
	go run ./internal/testkit/run -- go test -run '^$$' -bench . -benchtime 1x -timeout 30m ./loadtest/...

fuzz: ## Run every fuzz test for FUZZTIME (60s) each: for a nightly job
	go run ./internal/testkit/run -- scripts/fuzz.sh $(or $(FUZZTIME),60s)

screenshots: build ## Make the pictures of the console's pages in docs/screenshots anew
	scripts/deps.sh test
	cd console && FLUXBASE_BIN=$(CURDIR)/bin/fluxbase npx playwright test -c e2e/screenshots.config.ts

console-figures: build ## Measure the console in a browser: paint, blocking, scrolling, import
	scripts/deps.sh test
	cd console && FLUXBASE_BIN=$(CURDIR)/bin/fluxbase npx playwright test -c e2e/measures.config.ts
	cd console && npm run --silent bundle

size: ## Show what is over the size budget
	@go test ./internal/archtest -count=1 -run TestSizeBudget && echo "Everything is within the budget."

clean: ## Remove what was built (not the data of "fluxbase dev")
	rm -rf bin console/dist console/node_modules internal/e2e/supabase/node_modules test-results console/test-results

tools: $(TOOLS)/buf $(TOOLS)/protoc-gen-go $(TOOLS)/protoc-gen-connect-go $(TOOLS)/sqlc $(TOOLS)/golangci-lint

# The tools are pinned in tools/go.mod.
$(TOOLS)/%: tools/go.mod
	@mkdir -p $(TOOLS)
	@echo "building $*"
	cd tools && go build -o ../$(TOOLS)/$* "$$(go list -f '{{.ImportPath}}' tool | grep '/$*$$')"

# npm writes the folder; the stamp is as new as the lock file that it was installed from.
%/node_modules/.stamp: %/package-lock.json
	scripts/deps.sh node
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

console/dist/index.html: console/node_modules/.stamp console/package.json console/index.html console/vite.config.ts $(shell find console/src console/public -type f 2>/dev/null)
	cd console && npm run --silent build
	@touch $@
