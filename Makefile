# The commands for developers, on a machine with Python 3.11 and make. `make help` lists them.

PYTHON      ?= $(shell command -v python3.11 || command -v python3)
VENV        := .venv
BIN         := $(VENV)/bin
CONSTRAINTS := constraints/airflow-3.3-py3.11.txt
MATRIX      := $(patsubst constraints/airflow-%.txt,%,$(wildcard constraints/airflow-*.txt))
# Interpreters are found on PATH and in pyenv's versions.
export PATH := $(PATH):$(subst $() $(),:,$(wildcard $(HOME)/.pyenv/versions/*/bin))
COUNT       ?= 100000
SUDO        := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.DEFAULT_GOAL := help

.PHONY: help
help:  ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

.PHONY: install
install: $(VENV)/.installed  ## create .venv with everything that the other commands need

$(VENV)/.installed: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint $(CONSTRAINTS) --group dev --editable '.[parquet,s3,zstd]'
	touch $@

.PHONY: demo
demo: install  ## watch a DAG wait for WeData: the emulator and a real Airflow, about a minute
	@$(BIN)/python -W ignore -m demo

.PHONY: test
test: install  ## run all tests
	$(BIN)/python -m pytest

.PHONY: e2e
e2e: install browser  ## run only the tests with a real Airflow and a real browser
	CI=true $(BIN)/python -m pytest tests/e2e

.PHONY: pictures
pictures: install browser  ## retake the pictures in docs/images; check each before committing
	CI=true WEDATA_PICTURES=1 $(BIN)/python -m pytest tests/e2e/test_browser.py

.PHONY: browser
browser: /usr/bin/chromium  ## install the browser for these tests, on Debian; without it they are skipped

/usr/bin/chromium:
	$(SUDO) apt-get update -qq
	$(SUDO) apt-get install -y -qq --no-install-recommends chromium fonts-liberation

.PHONY: matrix
matrix: $(MATRIX:%=matrix-%)  ## run tests/airflow and the example DAGs on every Airflow and Python of constraints/

.PHONY: $(MATRIX:%=matrix-%)
$(MATRIX:%=matrix-%): matrix-%: .matrix/airflow-%/.installed
	.matrix/airflow-$*/bin/python -m pytest -q -p no:cacheprovider tests/airflow

.PRECIOUS: .matrix/airflow-%/.installed
.matrix/airflow-%/.installed: constraints/airflow-%.txt pyproject.toml | install
	$(BIN)/uv venv --quiet --clear --no-python-downloads --python $(lastword $(subst -py, ,$*)) $(@D)
	$(BIN)/uv pip install --quiet --python $(@D)/bin/python --constraint $< --group test --editable '.[parquet,s3,zstd]'
	touch $@

.PHONY: package
package: install  ## build wheel and sdist, check their contents, and open a gate with the wheel alone
	$(BIN)/python tests/packaging/check.py $(CONSTRAINTS)

.PHONY: docs
docs: install  ## build the documentation's site in build/docs
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs build/docs

.PHONY: pages
pages: install  ## run README and quickstart step by step in an empty folder, up to a green gate
	$(BIN)/python -m tests.packaging.pages $(CONSTRAINTS)

.PHONY: lint
lint: install  ## check format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: bench
bench: install  ## measure reading, writing, waiting and importing; about half an hour
	$(BIN)/python tests/bench/reading_speed.py --all
	$(BIN)/python tests/bench/export_memory.py
	$(BIN)/python tests/bench/export_whole.py
	$(BIN)/python tests/bench/import_time.py
	$(BIN)/python tests/bench/many_waits.py
	$(BIN)/python tests/bench/many_waits.py --end --waits 5000 --interval 30 --deadline 270
	$(BIN)/python tests/bench/loop_steps.py

.PHONY: fuzz
fuzz: install  ## fuzz filters, connections, responses, headers, rows and events with COUNT=100000 inputs
	$(BIN)/python -m tests.fuzz $(COUNT)

.PHONY: format
format: install  ## format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: pins
pins: install $(MATRIX:%=pins-%)  ## regenerate constraints/ from pyproject.toml

.PHONY: $(MATRIX:%=pins-%)
$(MATRIX:%=pins-%): pins-%: | install
	printf 'apache-airflow==%s.*\n' $(firstword $(subst -py, ,$*)) | $(BIN)/uv pip compile --quiet --no-header --no-python-downloads \
	  --no-annotate --no-emit-index-url --upgrade --python-version $(lastword $(subst -py, ,$*)) --constraint - \
	  --group $(if $(findstring airflow-$*.txt,$(CONSTRAINTS)),dev,test) --extra parquet --extra s3 --extra zstd \
	  pyproject.toml --output-file constraints/airflow-$*.txt

.PHONY: clean
clean:  ## remove what the other commands made
	rm -rf $(VENV) .matrix .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
