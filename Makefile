# Every target sets up what it needs: a fresh clone, Python 3.11+ with venv, and make are enough.

# The newest interpreter that runs and can make a virtual environment: each one since 3.11 is
# faster. Some builds of 3.13.0 cannot start an event loop, so that is tried, too.
first = $(shell for p in $(1); do \
	$$p -c 'import sys, venv, ensurepip, asyncio; asyncio.run(asyncio.sleep(0)); sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$p; break; }; done)
PYTHON ?= $(call first,python3.14 python3.13 python3.12 python3 python3.11)
OLDEST = $(call first,python3.11 python3.12 python3 python3.13 python3.14)
IN_OLDEST = ENV=.venv-oldest PYTHON=$(OLDEST)

# The environment that everything runs in.
ENV ?= .venv
BIN := $(ENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
NODE := tests/clients/node
SMTPLOAD := bench/smtpload/smtpload

# The old e-mail SDKs, which cannot live beside the new one.
EMAIL_OLD := azure-email-1.0 azure-email-1.0b1

# Stamps: newer than the lock they were made from, or made again.
VENV := $(ENV)/.ready
NODE_MODULES := $(NODE)/node_modules/.ready

# What to run, so that a caller may change it: `make test PYTEST_FLAGS='-x -k login'`.
DEMO := $(BIN)/python -m demo
PYTEST := $(BIN)/python -m pytest
PYTEST_FLAGS ?=
UP_FLAGS ?=
BENCH_FLAGS ?=
CORPUS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-cluster up ready ready-oldest test oldest check lint format docs compliance system bench accuracy train lock clean npm

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: $(VENV)  ## show what Gatepost does, on real sockets, in under 20 seconds
	@$(DEMO)

demo-cluster: $(VENV)  ## show three relays that share a database, and one that dies
	@$(BIN)/python -m demo.cluster

up: $(VENV)  ## run the local relay in the foreground
	@$(BIN)/gatepost up $(UP_FLAGS)

ready: $(VENV) npm ready-oldest  ## the environments of all tests

ready-oldest: $(VENV)  # then: both builds write beside src
	@$(MAKE) --no-print-directory $(IN_OLDEST) .venv-oldest/.ready

# Tests start many processes: let them keep what they have compiled.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV) npm  ## all tests that need Python and npm packages only
	$(PYTEST) --workers auto -m 'not compliance$(if $(THOROUGH),, and not thorough)' $(PYTEST_FLAGS)

# They compute, and some measure that: one for each core.
oldest:  ## the tests that open no socket, with all examples, under the oldest Python that is here
	$(MAKE) --no-print-directory test THOROUGH=1 $(IN_OLDEST) \
		PYTEST_FLAGS='--workers cores $(PYTEST_FLAGS) tests/unit tests/property tests/contract tests/fuzz tests/shape/test_patterns.py'

check: lint test  ## lint, format, strict types, import contracts, tests

lint: $(VENV)  ## the checks without the tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)  ## fix what ruff can fix
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

docs: $(VENV)  ## write the generated pages, in docs and build/docs
	$(BIN)/python -m tests.docs.generated

compliance: $(VENV) system npm  ## tests against real clients and MTAs (root: installs system packages)
	$(PIP) install --quiet --require-hashes --requirement requirements/compliance.txt
	$(PYTEST) --workers auto -m compliance $(PYTEST_FLAGS)

bench: $(VENV) system $(SMTPLOAD)  ## speed and memory compared with other servers (root)
	$(BIN)/python -m bench $(BENCH_FLAGS)

accuracy: $(VENV)  ## how often the doctor names the true cause of a log (CORPUS=FILE)
	$(BIN)/python -m accuracy $(if $(CORPUS),--corpus $(CORPUS))

# Writes the doctor's model; only training needs what it installs.
train: $(VENV)  ## train the ranking of causes from the catalogue and the cases
	$(PIP) install --quiet --require-hashes --requirement requirements/train.txt
	OMP_NUM_THREADS=1 $(BIN)/python -m accuracy.train

lock: $(wildcard requirements/*.in)  ## renew the locks
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install --quiet pip-tools
	cd requirements && for name in runtime dev train compliance; do \
		CUSTOM_COMPILE_COMMAND='make lock' ../.venv-lock/bin/pip-compile --quiet --upgrade \
			--generate-hashes --allow-unsafe --strip-extras \
			--no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
			--output-file $$name.txt $$name.in || exit 1; done
	rm -rf .venv-lock
	cd $(NODE) && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

clean:  ## remove what make has made
	rm -rf .venv .venv-oldest $(NODE)/node_modules build src/*.egg-info $(SMTPLOAD) bench/results
	find . -name __pycache__ -prune -exec rm -r {} +
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*

# What is imported is compiled then: that is less than a third.
$(VENV): requirements/dev.txt $(EMAIL_OLD:%=requirements/%.txt) pyproject.toml
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer with venv is needed (on Debian: python3-venv)' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(ENV)
	$(PIP) install --quiet --no-compile --require-hashes --requirement requirements/dev.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	rm -rf $(EMAIL_OLD:%=$(ENV)/%)
	for old in $(EMAIL_OLD); do $(PIP) install --quiet --no-deps --require-hashes \
		--no-compile --target $(ENV)/$$old --requirement requirements/$$old.txt || exit 1; done
	$(BIN)/python -m compileall -q src  # as installing does: no first start is slow
	@touch $@

# Without Node.js the tests that need it skip, and say so; it may be among the system packages.
ifneq ($(filter system compliance,$(MAKECMDGOALS)),)
npm: system
endif
npm:
	@if command -v node >/dev/null && command -v npm >/dev/null; then $(MAKE) --no-print-directory $(NODE_MODULES); fi

$(NODE_MODULES): $(NODE)/package-lock.json
	cd $(NODE) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

system:
	@compliance/install.sh

$(SMTPLOAD): $(wildcard bench/smtpload/*.c bench/smtpload/*.h)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -o $@ $(filter %.c,$^) -lssl -lcrypto
