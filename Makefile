# `make help` lists what there is to do.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
PORT ?= 3000
CONFIG ?= routes.yaml
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
PEERS ?= .venv-peers
PEERS_STAMP := $(PEERS)/.installed
TESTS ?= tests
JOBS ?= 4

.DEFAULT_GOAL := help
.PHONY: help run test prove check format bench bench-peers bench-db bench-soak bench-faults migrate psql clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(STAMP)  ## install, start an embedded Postgres, serve routes.yaml (PORT=3000, CONFIG=…)
	@exec $(BIN)/python -m proxy serve --config '$(CONFIG)' --port $(PORT)

test: $(DEV_STAMP)  ## install and run every test (a seeded sample of the long ones)
	$(BIN)/python -m pytest $(TESTS) -q -n $(JOBS) --dist worksteal

prove: $(DEV_STAMP)  ## the long form of every proof; prints its figures
	PROVE=1 $(BIN)/python -m pytest $(TESTS) -q -s -o faulthandler_timeout=0

check: $(DEV_STAMP)  ## format, lint, types, architecture
	$(BIN)/ruff format --check proxy tests bench
	$(BIN)/ruff check proxy tests bench
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/architecture.py -q

format: $(DEV_STAMP)  ## format and fix what can be fixed
	$(BIN)/ruff format proxy tests bench
	$(BIN)/ruff check --fix proxy tests bench

bench: $(DEV_STAMP)  ## the product beside a bare pass-through; fails beyond bench/bounds.toml (20 minutes)
	$(BIN)/python -m bench

bench-peers: $(DEV_STAMP) $(PEERS_STAMP)  ## beside nginx, LiteLLM and TensorZero, too (an hour; can be gone on with)
	BENCH_PEERS='$(abspath $(PEERS))' $(BIN)/python -m bench peers

bench-db: $(DEV_STAMP)  ## writing and reading with 10 million rows (can be gone on with)
	$(BIN)/python -m bench.scale

bench-soak: $(DEV_STAMP)  ## a million requests: does memory grow, is a record lost (10 minutes)
	$(BIN)/python -m bench soak

bench-faults: $(DEV_STAMP)  ## every fault under load, with a verdict, into docs/operations.md (20 minutes)
	$(BIN)/python -m bench.faults

migrate: $(STAMP)  ## bring the schema of DATABASE_URL up to date
	$(BIN)/python -m proxy migrate

psql: $(STAMP)  ## a prompt on the embedded Postgres of a running `make run`
	@exec $(BIN)/python -m proxy psql

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) $(PEERS) .pytest_cache .mypy_cache .ruff_cache build dist *.egg-info

$(BIN)/python:
	@$(PYTHON) -c '' 2>/dev/null || { echo "$(PYTHON) cannot be run here by this user; name a Python that can:"; \
	  echo "  make run PYTHON=/usr/bin/python3 VENV=.venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; say which: make run PYTHON=python3.12"; exit 1; }
	@echo "making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml | $(BIN)/python
	@echo "installing (a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(PEERS_STAMP): bench/peers.txt
	@echo "installing LiteLLM's proxy in $(PEERS) (some minutes)"
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r bench/peers.txt \
	  || echo "LiteLLM cannot be installed here; the peers are measured without it"
	@touch $@

$(DEV_STAMP): pyproject.toml | $(BIN)/python
	@echo "installing, with what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(STAMP) $@
