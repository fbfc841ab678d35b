# Needs make and a Python >= 3.11 with venv; everything else goes into .venv/.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
NATIVE := src/tocsin/native/_native.so
PYTEST := $(BIN)/python -m pytest
# More processes than this only wait for each other.
# Few at a time: else one process is left with the slow ones, which come last.
PYTEST_ARGS ?= -n auto --maxprocesses 4 --maxschedchunk 2

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help venv demo test torture simulate test-integration lint format check bench constraints clean

help: ## show these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(READY) ## make .venv with the exact packages of constraints.txt

$(READY): constraints.txt pyproject.toml hatch_build.py $(wildcard src/tocsin/native/*.[ch])
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Tocsin needs Python 3.11 or newer; try: make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once; about a minute)"
	@$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r constraints.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@test -e $(NATIVE) || echo "without the compiled library (is there no C compiler?): all is done by columns"
	@touch $@

demo: $(READY) ## play the log that ships with the project: it rings, and recovers
	$(BIN)/tocsin watch examples/demo/access.log --speed 20

test: $(READY) ## run the tests; needs nothing but Python
	$(PYTEST) $(PYTEST_ARGS) -m "not integration and not torture"

torture: $(READY) ## kill, cut the power and simulate, for an hour or two; strace joins in if it is there
	$(PYTEST) $(PYTEST_ARGS) tests/torture

simulate: $(READY) ## the whole system by the seed: SEEDS=500 FIRST_SEED=0
	$(PYTEST) $(PYTEST_ARGS) tests/torture/test_simulation.py -m "not torture"

test-integration: $(READY) ## run the tests that need more than Python, and install it
	PYTHON_BIN=$(BIN)/python sh tests/integration/run.sh

lint: $(READY) ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint test ## lint and test

bench: $(READY) ## measure against mtail, goaccess and DuckDB, then judging and each format alone; writes bench/RESULTS.md
	$(BIN)/python -m bench.run $(BENCH_ARGS)
	$(BIN)/python -m bench.evaluation
	$(BIN)/python -m bench.formats
	$(BIN)/python -m bench.hostile

constraints: ## bring constraints.txt up to date
	@test -x $(VENV)-uv/bin/uv || { $(PYTHON) -m venv $(VENV)-uv && $(VENV)-uv/bin/pip install --quiet uv; }
	$(VENV)-uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	  --only-binary :all: --extra dev --generate-hashes --no-header --no-annotate \
	  pyproject.toml --output-file constraints.txt

clean: ## remove what make made
	rm -rf $(VENV) $(VENV)-uv .bench dist $(NATIVE)
