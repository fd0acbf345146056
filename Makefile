# ecomct: `make demo` and `make test` set up what they need; see README.md.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)

# Real data for the tests that can use it; they skip visibly without.
ifneq ($(wildcard ../shared/data),)
export ECOMCT_SHARED ?= $(abspath ../shared)
endif
export HF_HUB_OFFLINE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test check format bench bench-toolkits soak real clean

help:
	@echo "make demo    tables to a trained, evaluated model and its report, on the shipped shop"
	@echo "make test    all tests"
	@echo "make check   ruff and mypy"
	@echo "make real    the bilingual recipe on the data at ECOMCT_SHARED"
	@echo "make bench   benchmarks, side by side with what others do"
	@echo "make soak    slow checks: kills at random moments, memory limits, 10^8 rows planned"
	@echo "make bench-toolkits    the other toolkits, in an environment of their own; bench says what it skips without"

$(VENV)/.core: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "ecomct needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (about a minute, once)"
	@$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	@$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/.core
	@$(BIN)/ecomct run examples/shop/recipe.yaml --workers $(WORKERS)
	@echo "open runs/shop/report/index.html"

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

check: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

real: $(VENV)/.core
	@$(BIN)/ecomct run recipes/real-bilingual.yaml --workers $(WORKERS)

bench: $(VENV)/.dev
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

bench-toolkits: .venv-bench/.installed

.venv-bench/.installed: benchmarks/toolkits.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/pip install --quiet --requirement benchmarks/toolkits.txt
	@.venv-bench/bin/pip install --quiet --no-deps text-dedup==0.4.0
	@touch $@

soak: $(VENV)/.dev
	@for script in benchmarks/soak/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done
	@echo "== benchmarks/plan_scale.py --largest 8"; $(BIN)/python benchmarks/plan_scale.py --largest 8

clean:
	rm -rf $(VENV) .venv-bench runs .pytest_cache .mypy_cache .ruff_cache .hypothesis build src/*.egg-info
