# Assay. `make` lists the targets.
SHELL := /bin/bash
export CGO_ENABLED := 0
GO ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
CACHE := $(CURDIR)/.cache

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build UI and binary, start Assay with the sample, print the address
	@bin/assay serve --demo

build: ui ## build bin/assay with the UI in it
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/assay ./cmd/assay

ui: ui/dist/.built ## build the user interface into ui/dist

ui/node_modules/.installed: ui/package-lock.json
	cd ui && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.installed

ui/dist/.built: ui/node_modules/.installed $(shell find ui/src ui/public ui/scripts ui/index.html ui/package.json ui/vite.config.ts -type f 2>/dev/null)
	cd ui && npm run build && touch dist/.built

check: fmt vet lint arch ## format, vet, lint, architecture, generated code
	cd ui && npm run lint

fmt:
	@out="$$(git ls-files '*.go' | xargs gofmt -l)"; test -z "$$out" || { echo "not gofmt-clean:"; echo "$$out"; exit 1; }

vet:
	$(GO) vet ./...

lint: $(CACHE)/bin/staticcheck ## staticcheck with the settings of staticcheck.conf
	$(CACHE)/bin/staticcheck ./...

$(CACHE)/bin/staticcheck:
	GOBIN=$(CACHE)/bin $(GO) install honnef.co/go/tools/cmd/staticcheck@v0.8.2

arch:
	$(GO) test ./internal/ -run TestArchitecture

cross: ## the binary for linux and macOS on amd64 and arm64
	@for t in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do \
	  echo "build $$t"; GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -o /dev/null ./cmd/assay || exit 1; done

test: ## everything that proves Assay works: Go, UI, real services, real clients, browser
	scripts/test.sh

compat: ## the conformance suite with the newest mlflow of the day
	conformance/run.sh compat

soak: ## crash, endurance and scale runs (long)
	scripts/soak.sh

bench: build ## peers side by side (long); prints ratios
	scripts/bench.sh

budgets: build ## the budgets of the interface, in a real browser (long)
	scripts/budgets.sh

fuzz: ## every fuzz target for FUZZTIME (default 20s) each
	scripts/fuzz.sh

clean: ## remove what was built
	rm -rf bin ui/dist/* $(CACHE)

.PHONY: help run build ui check fmt vet lint arch cross test compat soak bench budgets fuzz clean
