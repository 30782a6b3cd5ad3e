# The commands of the README. Each does its own set-up; a second call reuses what is there.
#   make quickstart   the bundled study, from sound files to results/studies/quickstart/report.html
#   make test         all tests, two at a time (those against the published packages skip without make parity)
#   make parity       environments of the published packages, which tests/parity compares with (3 GB)
#   make lint         ruff, snakefmt, snakemake --lint
#   make bench        speed, as ratios against the reference way
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TEST_WORKERS ?= 2
export PYTHONPATH :=
export PYTHONDONTWRITEBYTECODE :=

.PHONY: quickstart test lint parity bench
.DEFAULT_GOAL := quickstart

quickstart: $(VENV)/.ready
	@$(BIN)/python scripts/free_folder.py
	$(BIN)/python -m snakemake --quiet host reason
	@echo "The page: results/studies/quickstart/report.html"

test: $(VENV)/.ready-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --durations 20

lint: $(VENV)/.ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/python -m snakemake --lint

parity: $(VENV)/bin/python
	$(BIN)/python tests/parity/environments/make_environments.py .parity

bench: $(VENV)/.ready-test
	PYTHONPATH=scripts $(BIN)/python benchmarks/run_all.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "embedshift needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing. On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary=:all: --no-binary=connection_pool -r requirements.lock
	@touch $@

$(VENV)/.ready-test: requirements-test.lock requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary=:all: --no-binary=connection_pool -r requirements-test.lock
	@touch $(VENV)/.ready $@
