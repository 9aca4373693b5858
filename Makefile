# The README's commands. Each installs what it lacks first (tools/setup says what), and does nothing twice.
JOBS ?= $(shell nproc)
SECONDS_PER_FUZZER ?= 60
COMPILE = cmake --build --preset $(1) -j $(JOBS)

.DEFAULT_GOAL := build
.PHONY: run build test lint format bench bench-sampling clean check-asan check-tsan check-deep lab lab-test test-success test-fail-open logs

run: build  ## serves with demo traffic and prints the URL
	@tools/run

build:  ## build/release/backstitch
	@tools/setup
	@tools/ui
	cmake --preset release
	$(call COMPILE,release) --target backstitch

lab: build  ## and build/release/backstitch-lab-service
	$(call COMPILE,release) --target backstitch-lab-service

lab-test: lab  ## error trees through a tree of seven services: drift, swallowed errors, retries, timeouts, a crash
	@lab/check

test-success: lab  ## a request through them without a fault
	@lab/check success

test-fail-open: lab  ## one of which a failure is swallowed
	@lab/check fail-open

logs:  ## what the services of the last of these wrote, by time
	@jq -sc 'sort_by(.time)[]' build/lab/*.log

test:  ## builds everything, runs every test
	@tools/setup --tests
	@tools/ui
	cmake --preset release
	$(call COMPILE,release)
	tools/ctest release -j $(JOBS)

lint:  ## layering, style, formatting, headers that compile alone
	@tools/setup --tests
	tools/layers
	tools/tidy
	tools/format --check
	cmake --preset release
	$(call COMPILE,release) --target header_checks

format:  ## rewrites the C++ files as clang-format has them
	@tools/setup --tests
	tools/format

bench:  ## runs every benchmark
	@tools/setup
	cmake --preset release
	$(call COMPILE,release) --target benchmarks
	@for program in build/release/bench/*_bench; do [ ! -x $$program ] || $$program || exit 1; done
	bench/serve_bench.py build/release
	bench/blocks_bench.py build/release
	[ ! -x build/release/bench/request_cost ] || bench/request_bench.py build/release

bench-sampling:  ## tail sampling beside the OpenTelemetry Collector, which is built first (Go, some minutes once)
	@tools/setup
	cmake --preset release
	$(call COMPILE,release) --target backstitch --target path_bench
	bench/peers/peers.py build
	bench/sampling_bench.py build/release

check-asan:  ## the unit tests, fuzz corpora and main end-to-end tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/setup --tests
	@tools/ui
	cmake --preset asan
	$(call COMPILE,asan)
	tools/ctest asan -j $(JOBS)

check-tsan:  ## the unit tests, fuzz corpora and main end-to-end tests under ThreadSanitizer
	@tools/setup --tests
	@tools/ui
	cmake --preset tsan
	$(call COMPILE,tsan)
	tools/ctest tsan -j $(JOBS)

check-deep: test lint check-asan check-tsan  ## all of it, and the fuzzers
	@tools/setup --deep
	tools/fuzz $(SECONDS_PER_FUZZER)

clean:  ## removes what was built; installed tools in build/tools stay
	@find build -mindepth 1 -maxdepth 1 ! -name tools -exec rm -rf {} + 2>/dev/null || true
	@rm -rf ui/dist
