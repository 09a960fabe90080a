# make demo: the main job on the embedded models. make test: everything the suite needs, checks and tests.
# make docs: the pages of docs/ with the API reference, into build/site.
# make models DATA=folder: every embedded artefact again, into build/models, from the records in that folder.
PYTHON ?= python3
# One release for everybody, so that training and its type checks are the same everywhere.
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
LENIENT := arg-type assignment list-item method-assign no-any-return operator override type-arg var-annotated
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check

.PHONY: demo test browser docs style types imports models clean

demo: $(VENV)/.demo
	@$(BIN)/python examples/demo.py

# A worker more than there are cores, since some tests wait. Threads of torch and BLAS spin while they wait for
# one another: beside other workers they only take their time.
test: export OMP_NUM_THREADS = 1
test: export OPENBLAS_NUM_THREADS = 1
# Compiled modules are kept, whatever the caller's shell says: the tests start hundreds of processes.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.test
	@$(MAKE) --no-print-directory --jobs=2 types style imports
	@$(BIN)/pytest --numprocesses=3 --dist=worksteal --durations=10

docs: $(VENV)/.docs
	@$(BIN)/mkdocs build --strict --quiet

# The gateway's page is tested in a Chromium where there is one; this installs Debian's, and wants root.
browser:
	@apt-get -qq update && apt-get -qq install --no-install-recommends chromium-headless-shell

style:
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .

# Of the benchmarks mypy tells whether what they call is still there, and still called so.
types:
	@$(BIN)/mypy
	@$(BIN)/mypy $(addprefix --disable-error-code=,$(LENIENT)) benchmarks

imports:
	@$(BIN)/lint-imports --no-logo > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }

# glibc gives large blocks back to the system after every step otherwise, which takes as long as the step.
models: export MALLOC_MMAP_THRESHOLD_ = 2000000000
models: export MALLOC_TRIM_THRESHOLD_ = 2000000000
models: $(VENV)/.test
	@$(BIN)/python benchmarks/models.py $(or $(DATA),$(error give DATA=folder)) build/models

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.demo: pyproject.toml | $(VENV)
	@echo "installing bestroute, and llama.cpp to serve a small model, into $(VENV): may take minutes" >&2
	@$(PIP) --editable ".[client]" xllamacpp
	@touch $@

$(VENV)/.docs: pyproject.toml | $(VENV)
	@$(PIP) --editable ".[docs]"
	@touch $@

# To compile all that is installed takes longer than what is imported.
$(VENV)/.test: pyproject.toml | $(VENV)
	@$(PIP) --no-compile $(TORCH)
	@$(PIP) --no-compile --editable ".[dev]"
	@touch $@

$(VENV):
	@$(PYTHON) -m venv $(VENV)
