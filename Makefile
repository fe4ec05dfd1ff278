# Two commands matter: `make reproduce` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST_ARGS ?= -n auto --dist loadfile --durations=5
.DEFAULT_GOAL := help
.PHONY: help install reproduce test book ui lock lint clean

help:  ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

install: $(STAMP)  ## create .venv with Python 3.11 and install the locked packages

$(STAMP): requirements.lock requirements-data.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed, and '$(PYTHON)' is not on the path. Name yours: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Python 3.11 is needed; $(PYTHON) is $$($(PYTHON) -V)"; exit 1; }
	@echo "[1/3] creating $(VENV)"; $(PYTHON) -m venv $(VENV)
	@echo "[2/3] installing $$(wc -l < requirements.lock) pinned packages, about 1 GB to fetch: 2 to 5 minutes"
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input -r requirements.lock | sed -u 's/^/      /'; exit $${PIPESTATUS[0]}
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet --no-deps -r requirements-data.lock
	@echo "[3/3] installing dti_core"; $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $(STAMP)

reproduce: export DTI_STARTED := $(shell date +%s)
reproduce: $(STAMP)  ## install, run every study in the quick profile, compare with the published numbers, build the book
	@$(BIN)/dti reproduce

test: export DTI_STARTED := $(shell date +%s)
test: $(STAMP)  ## install and run the whole test suite
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)
	@echo "tests done in $$(( $$(date +%s) - $$DTI_STARTED )) s, installing included. Next: make reproduce"

lint: $(STAMP)  ## ruff, mypy and the import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

book: $(STAMP)  ## build the book from the frozen chapters
	@$(BIN)/dti book

ui: $(STAMP)  ## compare runs in the MLflow UI on 127.0.0.1
	@$(BIN)/dti ui

lock: ## resolve pyproject.toml in a fresh environment and rewrite requirements.lock
	@rm -rf build/lock && $(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check setuptools wheel
	@build/lock/bin/python -m pip install --disable-pip-version-check .
	@build/lock/bin/python -m pip freeze --all --exclude dti-core --exclude pip | sed 's/+cpu$$//' | sort -f > requirements.lock
	@echo "requirements.lock rewritten: $$(wc -l < requirements.lock) packages. Run 'make test' before committing it."

clean:  ## remove built files (keeps .venv, results/ and the frozen chapters)
	@rm -rf build book/_build book/_vendor .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
