# make demo: the main job on the embedded models. make test: everything the suite needs, checks and tests.
PYTHON ?= python3
# One release for everybody, so that training and its type checks are the same everywhere.
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check

.PHONY: demo test clean

demo: $(VENV)/.demo
	@$(BIN)/python examples/demo.py

test: $(VENV)/.test
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
	@$(BIN)/pytest

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.demo: pyproject.toml | $(VENV)
	@$(PIP) --editable ".[client]" xllamacpp
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)
	@$(PIP) $(TORCH)
	@$(PIP) --editable ".[dev]"
	@touch $@

$(VENV):
	@$(PYTHON) -m venv $(VENV)
