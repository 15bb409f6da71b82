# Each target sets itself up: a fresh clone on a machine with Python 3.11, make and git is enough.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
LOCKED := --require-hashes --only-binary :all:
COMPILE := .lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --upgrade

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(RUNTIME) ## a ward of six simulated patients on an accelerated clock, with a web page
	$(BIN)/infusion demo

.PHONY: test
test: check browser judges ## everything: the checks, then every suite, with the time each took
	$(BIN)/python -m tests.side_by_side

.PHONY: check
check: $(INSTALLED) ## format, lint, types, import contracts, tidiness: no test of behaviour
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/bandit --quiet --recursive infusion_service --severity-level high
	$(BIN)/python -m pytest tests/tidy -q

.PHONY: format
format: $(INSTALLED) ## rewrite the sources the way `make check` wants them
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: drill
drill: $(INSTALLED) ## the slow ones: kill, power cut, full disk, load
	@command -v strace >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get install -y -qq strace >/dev/null 2>&1; } \
		|| echo "WARNING: no strace: power cuts, failing and slow disks will be SKIPPED"
	$(BIN)/python -m pytest -m drill --timeout 1800

.PHONY: bench
bench: $(INSTALLED) ## measured ratios on this machine, under 10 min; 2 000 000 entries: python -m bench --full
	$(BIN)/python -m bench

.PHONY: sbom
sbom: $(INSTALLED) ## sbom.json: what the runtime lock brings in, as CycloneDX
	$(BIN)/cyclonedx-py requirements requirements/runtime.txt --pyproject pyproject.toml --output-reproducible --of JSON -o sbom.json

.PHONY: lock
lock: ## renew requirements/*.txt from pyproject.toml and requirements/*.in, and the lock of the judges
	test -x .lock/bin/uv || ($(PYTHON) -m venv .lock && .lock/bin/python -m pip install --quiet uv)
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) requirements/build.in -o requirements/build.txt
	$(COMPILE) pyproject.toml requirements/dev.in -c requirements/runtime.txt -c requirements/build.txt -o requirements/dev.txt
	if command -v npm >/dev/null; then npm install --prefix requirements/node --package-lock-only \
		--omit-lockfile-registry-resolved --no-audit --no-fund; fi

.PHONY: venv
venv: $(INSTALLED) ## .venv with everything locked for tests and checks

# Locked and hashed first, then this project on top without dependencies and with the locked build backend.
$(RUNTIME): requirements/runtime.txt requirements/build.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) $(LOCKED) -r requirements/runtime.txt -r requirements/build.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(INSTALLED): $(RUNTIME) requirements/dev.txt
	$(PIP) $(LOCKED) -r requirements/dev.txt
	touch $@

# Browser tests need a browser. Fetching one is a kindness to a bare machine, never a condition:
# without it those tests are skipped, and the test run says so at its end.
.PHONY: browser
browser:
	@if [ -d tests/e2e ] && ! command -v chromium >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "No chromium here: trying to install it for tests/e2e"; \
			(apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium) >/dev/null 2>&1 || true; \
		fi; \
		command -v chromium >/dev/null || echo "WARNING: no chromium: tests/e2e will be SKIPPED"; \
	fi

# Judges that are written for Node (of deliveries, of audit events) go into the user's cache, locked, and none of their scripts is run. As
# with the browser: without Node those tests are skipped, and the test run says so.
JUDGES := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/infusion-service/node-judges
.PHONY: judges
judges: ## the judges that are written for Node, where there is npm
	@if ! cmp -s requirements/node/package-lock.json $(JUDGES)/package-lock.json && command -v npm >/dev/null; then \
		rm -rf $(JUDGES).new && mkdir -p $(JUDGES).new && cp requirements/node/*.json $(JUDGES).new/ \
		&& npm ci --prefix $(JUDGES).new --ignore-scripts --no-audit --no-fund >/dev/null 2>&1 \
		&& rm -rf $(JUDGES) && mv $(JUDGES).new $(JUDGES) || true; \
	fi
	@cmp -s requirements/node/package-lock.json $(JUDGES)/package-lock.json \
		|| echo "WARNING: no judges for Node: those of deliveries and of audit events will be SKIPPED"

.PHONY: clean
clean: ## forget the virtual environment and every cache
	rm -rf $(VENV) .lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build sbom.json
