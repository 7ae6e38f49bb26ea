# Everything here sets up what it needs: a fresh clone, Python 3.11+ with venv, and make are enough.
# `make help` lists the targets.

# The first interpreter that runs, is new enough and can make a virtual environment.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)

BIN := .venv/bin
VENV := .venv/.ready
NODE := tests/clients/node
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
SOURCES := src tests bench compliance

.DEFAULT_GOAL := help
.PHONY: help demo up test check lint compliance bench lock clean
.DELETE_ON_ERROR:

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

$(VENV): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed (on Debian: python3-venv)" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --quiet --require-hashes --requirement requirements/dev.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

clean:  ## remove what make has made
	rm -rf .venv $(NODE)/node_modules build src/*.egg-info bench/smtpload/smtpload compliance/go/bin
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
