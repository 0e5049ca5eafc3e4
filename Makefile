# Two commands a newcomer needs: `make demo` and `make test`. Each prepares its own environment.
# The first Python of a version that Pathcast runs on; torch and numba have none for others yet.
PYTHON ?= $(or $(firstword $(foreach name,python3.11 python3.12 python3.13 python3 python,$(shell \
	$(name) -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $(name)))),none)
VENV := .venv
BIN := $(VENV)/bin
UV := build/uv/bin/uv
STAMP := $(VENV)/.installed

.PHONY: demo test check lint bench bench-gpu chaos install contract clean

# uv hard-links packages from its cache: torch's 5 GB are downloaded and stored once per machine.
$(UV):
	@test "$(PYTHON)" != none || { echo "no Python 3.11, 3.12 or 3.13 with venv was found (python3 is $$(python3 --version 2>&1 | tail -1)): install one, on Debian with its python3-venv, or name one: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: name a Python from 3.11 to 3.13, or none: make finds one by itself"; exit 1; }
	@$(PYTHON) -m venv build/uv && build/uv/bin/pip install --quiet -c constraints.txt uv

$(STAMP): $(UV) pyproject.toml constraints.txt
	@echo "installing Pathcast into $(VENV) (the first time on a machine about a minute: torch is large)"
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	@$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt -b constraints.txt -e '.[dev,bench]'
	@touch $@

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/pathcast demo $(ARGS)

# Two processes that share a broker: much of the time is waiting. Files stay whole, for what they share is costly.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --durations=20

test: $(STAMP)
	$(PYTEST) -m "not slow and not long" $(ARGS)

# Lint, and all tests but those that take many minutes each.
check: lint
	$(PYTEST) -m "not slow" $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python -m tests.bench $(ARGS)

bench-gpu: $(STAMP)
	$(BIN)/python -m tests.bench.gpu $(ARGS)

chaos: $(STAMP)
	$(BIN)/python -m tests.e2e.chaos $(ARGS)

contract: $(STAMP)
	$(BIN)/pathcast contract

clean:
	rm -rf build/uv $(VENV)
