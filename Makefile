# make help lists what can be done here. Everything but `make test` needs Go alone.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 60s
BENCH    ?= .
ROW      ?=
RUNS     ?= 5

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/stoa for this machine
	go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/stoa ./cmd/stoa

.PHONY: verify
verify: generate-check format-check vet lint architecture test ## all that a change must pass

.PHONY: test
test: ## install what is missing where it may, then run every test with -race; a skip fails
	scripts/setup-test
	scripts/test ./...

.PHONY: test-fast
test-fast: ## run the tests that need nothing but Go; the others skip and say so
	go test ./...

.PHONY: vet
vet: ## go vet
	go vet ./...

.PHONY: lint
lint: ## staticcheck, and golangci-lint where it is installed
	go tool staticcheck ./...
	@if command -v golangci-lint >/dev/null; then golangci-lint run; fi

.PHONY: architecture
architecture: ## check who imports whom, sizes, names, comments
	go test -count=1 ./internal/architecture

.PHONY: format
format: ## gofmt everything
	git ls-files -z -- '*.go' | xargs -0 gofmt -w

.PHONY: format-check
format-check: ## fail if a file is not formatted
	@files=$$(git ls-files -z -- '*.go' | xargs -0 gofmt -l); if [ -n "$$files" ]; then echo "not formatted (make format):"; echo "$$files"; exit 1; fi

.PHONY: generate
generate: ## refresh what is made from source: templ, golden files, reference pages
	scripts/generate

.PHONY: generate-check
generate-check: ## fail if something generated is not current
	scripts/generate --check

.PHONY: bench
bench: ## measure the platform against what the same work costs without it; ROW=up,read narrows it
	go run ./internal/bench -runs $(RUNS) -row '$(ROW)'

.PHONY: bench-docs
bench-docs: ## the same, and write docs/benchmarks.md
	go run ./internal/bench -runs $(RUNS) -markdown docs/benchmarks.md

.PHONY: bench-go
bench-go: ## run the packages' own benchmarks; BENCH=Admit narrows them
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (default 60s)
	scripts/fuzz $(FUZZTIME)

.PHONY: screenshots
screenshots: ## refresh the pictures in docs/images from a real browser
	STOA_SCREENSHOTS=$(CURDIR)/docs/images STOA_TEST_REQUIRE=all go test -count=1 -run Screenshot ./internal/portal/...

.PHONY: dist
dist: ## static binaries for linux and macOS in dist/, with checksums
	VERSION=$(VERSION) scripts/dist

.PHONY: clean
clean: ## remove what builds and tests have left here
	rm -rf bin dist test-output
