# Millpond: `make` lists the targets. What they make is in bin/, web/dist/ and .make/ (stamps and tools).

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run build test test-browsers e2e lint bench bench-engine bench-mirror bench-server fuzz soak sqlite-wasm clean

FUZZTIME  ?= 10s
SCHEDULES ?= 1000000
WORLDS    ?= 10000

# The packages that the browser runs. Their tests run in Node, too: mirror/opfs/node.mjs is Go's way to do that, with the
# imports that the browser's worker gives.
JS_PACKAGES := . ./mirror/... ./wasm/...
JS          := GOOS=js GOARCH=wasm
NODE_EXEC   := $(CURDIR)/mirror/opfs/node.mjs

# The binary and the page are made again only when one of these has changed.
GO_FILES    := $(shell find . -name node_modules -prune -o -name '*.go' -print)
GO_SOURCES  := $(filter-out %_test.go, $(GO_FILES)) go.mod go.sum
WEB_SOURCES := $(shell find web \( -name node_modules -o -name .cache -o -path web/dist \) -prune -o -type f \
               -not -name millpond.wasm -not -name wasm_exec.js -print)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

run: build ## Build, then serve on http://127.0.0.1:8080 with the data in ./data
	bin/millpond serve --data ./data

build: bin/millpond ## Build bin/millpond: one static binary with the page and the wasm inside

test: build ## Run all tests: Go natively and in Node, TypeScript, and browsers (Firefox, where there is one) against bin/millpond
	.ci/chromium
	go test $$(go list ./... | grep -v /e2e)
	$(JS) go test -exec '$(NODE_EXEC)' $(JS_PACKAGES)
	$(JS) SQLITE_COPIES=script go test -exec '$(NODE_EXEC)' -run 'TestConformance|TestCopies|WithinCalls' ./mirror/sqlite -args -sqlite.copies=script
	npm --prefix web test
	go test -tags sim -timeout 20m ./e2e/sim
	go test -timeout 20m ./e2e/...

test-browsers: ## Run SQLite's tests in Chromium and in Firefox, and kill each again and again while it writes
	.ci/chromium
	.ci/firefox
	go test ./e2e -count=1 -v -timeout 60m -run 'TestDrivers|TestPackagesInBrowser|TestCopies|TestKilledBrowser' -args -kills=20

e2e: build ## Run only the tests in browsers
	.ci/chromium
	go test -count=1 -timeout 20m ./e2e/...

lint: .make/npm .make/staticcheck ## Check format, vet, staticcheck (native and js/wasm), go.mod, TypeScript
	@test -z "$$(gofmt -l $(GO_FILES))" || { gofmt -d $(GO_FILES); exit 1; }
	go vet ./...
	go vet -tags sim ./...
	$(JS) go vet $(JS_PACKAGES)
	.make/staticcheck ./...
	.make/staticcheck -tags sim ./mirror/... ./server/... ./e2e/sim
	$(JS) .make/staticcheck -checks inherit,-U1000 $(JS_PACKAGES) # it takes what go:wasmexport exports for unused
	go mod tidy -diff
	npm --prefix web run lint

bench: build ## Measure what docs/benchmarks.md says, and write it there
	.ci/chromium
	go test ./e2e -run '^$$' -bench Figure -benchtime 1x -timeout 20m -args -report ../docs/benchmarks.md

bench-engine: .make/peers ## Measure the browser's SQLite engine beside sqlite-wasm and wa-sqlite, and write it there
	.ci/chromium
	go test ./e2e -run '^$$' -bench '^BenchmarkEngine$$' -benchtime 1x -timeout 20m -args -report ../docs/benchmarks.md -section 'make bench-engine'

bench-mirror: build .make/peers ## Measure the mirror in Chromium, beside what the other engines do, and write it there
	.ci/chromium
	go test ./e2e -run '^$$' -bench '^BenchmarkMirror' -benchtime 1x -timeout 20m -args -report ../docs/benchmarks.md -section 'make bench-mirror'

bench-server: bin/millpond .make/server-peers ## Measure the server beside nats-server and centrifuge, and write it there
	go test ./e2e -run '^$$' -bench '^BenchmarkServer' -benchtime 1x -timeout 20m -args -report ../docs/benchmarks.md -section 'make bench-server'

fuzz: ## Fuzz each decoder, and SQL on both engines, for FUZZTIME (10s)
	.ci/fuzz $(FUZZTIME)

soak: ## Run WORLDS (10,000) simulated worlds, SCHEDULES (a million) random schedules of a mirror's session, cut the power to SQLite thousands of times, and start a thousand workers: about 40 minutes
	go test -v -tags sim -run TestWorlds -timeout=0 ./e2e/sim -args -sim.seeds=$(WORLDS) -sim.first=$$(date +%s)
	go test -v -run TestSchedules -timeout=0 ./mirror/session -args -session.schedules=$(SCHEDULES)
	go test -v -run TestPowerLoss -timeout=0 ./mirror/sqlite -args -sqlite.cuts=10000
	$(JS) go test -exec '$(NODE_EXEC)' -v -run TestPowerLoss -timeout=0 ./mirror/sqlite -args -sqlite.cuts=1000
	$(JS) go test -exec '$(NODE_EXEC)' -v -run TestOpenings -timeout=0 ./mirror/sqlite -args -sqlite.openings=1000
	.ci/chromium
	go test -v -run TestWeekOfUse -timeout=0 ./e2e -args -uses=1000
	go test -v -run 'TestPowerLoss|TestKilledProcess' -timeout=0 ./server/store/sqlite -args -sqlite.cuts=10000 -sqlite.kills=50

sqlite-wasm: ## Compile the browser's SQLite from C again: mirror/sqlite/linked/sqlite.wasm, which is checked in
	.ci/clang
	mirror/sqlite/linked/csrc/build.sh mirror/sqlite/linked

clean: ## Remove what was built; data/ stays
	rm -rf .make bin web/.cache web/node_modules web/*/node_modules web/client/wasm/millpond.wasm web/client/wasm/wasm_exec.js
	find web/dist -mindepth 1 -not -name .gitkeep -delete

bin/millpond: $(GO_SOURCES) .make/web
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $@ ./server/cmd/millpond

.make/web: .make/npm $(GO_SOURCES) $(WEB_SOURCES)
	npm --prefix web run build
	@touch $@

.make/npm: web/package.json web/package-lock.json
	npm --prefix web ci --no-audit --no-fund
	@mkdir -p .make && touch $@

.make/peers: e2e/testdata/engine/package.json e2e/testdata/engine/package-lock.json
	npm --prefix e2e/testdata/engine ci
	@mkdir -p .make && touch $@

.make/server-peers: $(wildcard e2e/testdata/server/*)
	@mkdir -p .make
	go build -C e2e/testdata/server -trimpath -o $(CURDIR)/$@ .

# `go tool staticcheck` would build the tool itself for GOOS=js.
.make/staticcheck: go.mod
	go build -o $@ honnef.co/go/tools/cmd/staticcheck
