# Everything that a developer does, on a machine with Python 3.11 and make. `make help` lists it.

PYTHON      ?= $(shell command -v python3.11 || command -v python3)
VENV        := .venv
BIN         := $(VENV)/bin
CONSTRAINTS := constraints/airflow-3.3-py3.11.txt
MATRIX      := $(patsubst constraints/airflow-%.txt,%,$(wildcard constraints/airflow-*.txt))
# Interpreters are taken from PATH, and from where pyenv keeps them.
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
demo: install  ## watch a DAG wait for WeData: an emulator WeData and a real Airflow, about a minute
	@$(BIN)/python -W ignore -m demo

.PHONY: test
test: install  ## run all tests
	$(BIN)/python -m pytest

.PHONY: e2e
e2e: install browser  ## run only the tests with a real Airflow and a real browser
	CI=true $(BIN)/python -m pytest tests/e2e

.PHONY: pictures
pictures: install browser  ## take the pictures in docs/images anew; look at each before it is committed
	CI=true WEDATA_PICTURES=1 $(BIN)/python -m pytest tests/e2e/test_browser.py

.PHONY: browser
browser: /usr/bin/chromium  ## install the browser of these tests, on Debian; without it they are skipped

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
package: install  ## build wheel and sdist, look into them, and open a gate with the wheel alone
	$(BIN)/python tests/packaging/check.py $(CONSTRAINTS)

.PHONY: docs
docs: install  ## build the documentation's site in build/docs
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs build/docs

.PHONY: pages
pages: install  ## follow README and quickstart as a newcomer does, in an empty folder, up to a green gate
	$(BIN)/python -m tests.packaging.pages $(CONSTRAINTS)

.PHONY: lint
lint: install  ## check format, lint, types and who imports whom
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

.PHONY: fuzz
fuzz: install  ## try filters, connections, answers, headers, rows and events with odd input; COUNT=100000 of them
	$(BIN)/python -m tests.fuzz $(COUNT)

.PHONY: format
format: install  ## format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: pins
pins: install $(MATRIX:%=pins-%)  ## write constraints/ anew from pyproject.toml

.PHONY: $(MATRIX:%=pins-%)
$(MATRIX:%=pins-%): pins-%: | install
	printf 'apache-airflow==%s.*\n' $(firstword $(subst -py, ,$*)) | $(BIN)/uv pip compile --quiet --no-header --no-python-downloads \
	  --no-annotate --no-emit-index-url --upgrade --python-version $(lastword $(subst -py, ,$*)) --constraint - \
	  --group $(if $(findstring airflow-$*.txt,$(CONSTRAINTS)),dev,test) --extra parquet --extra s3 --extra zstd \
	  pyproject.toml --output-file constraints/airflow-$*.txt

.PHONY: clean
clean:  ## remove what the other commands made
	rm -rf $(VENV) .matrix .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
