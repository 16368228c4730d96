# `make help` lists what there is. Needs Python 3.11 or newer (with venv); everything else comes into .venv.
# All paths are relative, because the checkout's own path may hold spaces and quotes.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

BIN := .venv/bin
RUN := $(BIN)/python -m
# One process per core, at most 8; `make test JOBS=0` runs everything in one.
JOBS ?= auto
# Arguments for pytest, for example: make test ARGS='tests/orders -k cancel'
ARGS ?=
SIZE ?= small

# Some machines forbid Python to keep what it compiled. Tests start many processes, each of which would compile all again.
unexport PYTHONDONTWRITEBYTECODE

# The Python to make .venv with: PYTHON=…, else the first of these that is new enough and can make one.
define find_python
for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14; do \
  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
    echo "$$python"; exit 0; \
  fi; \
done; \
echo 'No Python 3.11 or newer with the venv module was found. On Debian or Ubuntu: apt install python3-venv.' >&2; \
echo 'Another one can be named: make demo PYTHON=/path/to/python3' >&2; \
exit 1
endef

# A checkout that was moved or copied has a .venv that points to the old place: it is made anew.
MOVED := $(shell test ! -e .venv || test "$$(cat .venv/made-in 2>/dev/null)" = "$$(pwd)" || rm -rf .venv-lowest .venv/made-in .venv/installed .venv/installed-dev .venv/installed-browser .venv/installed-locks)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: .venv/installed ## Fill a sample dairy and serve it at http://127.0.0.1:8000 (SERVE=0: stop before serving)
	@$(BIN)/python -m dairy_app.cli demo $(if $(filter 0,$(SERVE)),--no-serve)

.PHONY: test
test: .venv/installed-dev ## Run all tests on an embedded server of their own, or on TEST_DATABASE_URL
	@$(RUN) pytest -n $(JOBS) --maxprocesses 8 --dist worksteal $(ARGS)

.PHONY: test-fast
test-fast: .venv/installed-dev ## Run the tests that are not marked slow: for a look while working
	@$(RUN) pytest -n $(JOBS) --maxprocesses 8 --dist worksteal -m 'not slow' $(ARGS)

# The schema uses only what PostgreSQL 15 has; this keeps that true where one is installed.
PG15 := $(firstword $(wildcard /usr/lib/postgresql/15/bin /usr/pgsql-15/bin /opt/homebrew/opt/postgresql@15/bin))

.PHONY: test-15
test-15: .venv/installed-dev ## Run all tests on the system's PostgreSQL 15, if it has one
ifdef PG15
	@DAIRY_POSTGRES_BIN='$(PG15)' $(RUN) pytest -n $(JOBS) --maxprocesses 8 --dist worksteal $(ARGS)
else
	@echo 'No PostgreSQL 15 here: nothing to do.'
endif

.PHONY: test-deployments
test-deployments: .venv/installed-dev ## Run the programs of deploy/ in their short forms, as far as what they need is installed
	@DEPLOYMENTS=1 $(RUN) pytest -n 0 tests/test_deploy.py $(ARGS)

LOWEST_TESTS := tests/documents/test_pdf.py tests/documents/test_printing.py tests/catalogue/test_products.py tests/photos/test_taking.py \
  tests/collecting/test_mt940.py

.PHONY: test-lowest
test-lowest: .venv-lowest/installed ## Draw invoices, read photos and statements with the lowest versions of the dependencies that setup.cfg allows
	@.venv-lowest/bin/python -m pytest -n $(JOBS) --maxprocesses 8 --dist worksteal $(or $(ARGS),$(LOWEST_TESTS))

.PHONY: test-browser
test-browser: .venv/installed-browser ## Run the tests of the round's page in the system's Chromium (SCREENSHOTS=folder)
	@$(RUN) pytest -n 2 --dist loadfile -o 'addopts=--strict-markers --strict-config' $(or $(ARGS),tests/browser)

.PHONY: screenshots
screenshots: .venv/installed-browser ## Write a picture of every page of the console into build/screenshots, with an index.html
	@$(RUN) tests.browser.gallery build/screenshots

.PHONY: coverage
coverage: .venv/installed-dev ## Run the tests and list the lines of dairy_app that none reaches (ARGS=tests/orders)
	@rm -f .coverage .coverage.*
	@$(RUN) coverage run -m pytest -n $(JOBS) --maxprocesses 8 --dist worksteal $(ARGS)
	@$(RUN) coverage combine --quiet
	@$(RUN) coverage report

.PHONY: check
check: format-check lint types imports lint-migrations test ## All that CI runs: format, lint, types, imports, migrations, tests

.PHONY: format
format: .venv/installed-dev ## Put the code into the format of ruff
	@$(RUN) ruff format
	@$(RUN) ruff check --fix

.PHONY: format-check
format-check: .venv/installed-dev
	@$(RUN) ruff format --check

.PHONY: lint
lint: .venv/installed-dev ## Lint with ruff
	@$(RUN) ruff check

.PHONY: types
types: .venv/installed-dev ## Check types with mypy
	@$(RUN) mypy -p dairy_app -p benchmarks

.PHONY: imports
imports: .venv/installed-dev ## Check that no package imports a higher one
	@$(BIN)/python -c 'from importlinter.cli import lint_imports_command as lint; lint()'

.PHONY: lint-migrations
lint-migrations: .venv/installed-dev ## Lint the SQL of the revisions with squawk
	@$(RUN) pytest -q -n 0 tests/migrations/test_lint.py

# NAME reaches the recipe by the environment: quotes in it are only quotes.
.PHONY: revision
revision: .venv/installed-dev ## Begin the next revision of the database (NAME='what it brings')
	@test -n "$$NAME" || { echo "What does it bring? make revision NAME='birthdays of customers'" >&2; exit 2; }
	@number=$$($(BIN)/python -c 'from dairy_app.database import migrations; print(migrations.next_number())') && \
	  $(RUN) alembic revision --rev-id "$$number" -m "$$NAME" >/dev/null && ls alembic/versions/"$$number"_*.py

# CASE and COMPARE reach it by the environment: quotes in a path are only quotes.
.PHONY: bench
bench: .venv/installed-dev ## Measure against plain SQL (SIZE=large, HISTORY=12, CASE=confirm, COMPARE=results.json)
	@SIZE='$(SIZE)' HISTORY='$(HISTORY)' $(RUN) benchmarks

.PHONY: openapi
openapi: .venv/installed ## Write openapi.json
	@$(BIN)/python -m dairy_app.cli openapi -o openapi.json && echo openapi.json

.PHONY: lock
lock: .venv/installed-locks ## Write requirements.lock: for deployments, every package with its version and hashes
	@CUSTOM_COMPILE_COMMAND='make lock' $(RUN) piptools compile --quiet --upgrade --no-config --no-emit-options --generate-hashes \
	  --allow-unsafe --strip-extras --output-file requirements.lock setup.cfg

.PHONY: audit
audit: .venv/installed-locks ## Ask for known vulnerabilities of what requirements.lock holds (needs the network)
	@$(BIN)/python .ci/audit.py

.PHONY: clean
clean: ## Remove .venv and caches (the data in .dairy stays)
	rm -rf .venv .venv-lowest build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .coverage .coverage.*

.venv/made-in:
	@python=$$($(find_python)) && rm -rf .venv && "$$python" -m venv .venv && pwd > $@

.venv/installed: setup.cfg pyproject.toml | .venv/made-in
	@echo 'Installing into .venv (once) …'
	@$(RUN) pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/installed-dev: setup.cfg pyproject.toml | .venv/made-in
	@echo 'Installing the development tools into .venv (once) …'
	@$(RUN) pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ .venv/installed

.venv/installed-browser: .venv/installed-dev
	@echo 'Installing what drives a browser into .venv (once) …'
	@$(RUN) pip install --quiet --disable-pip-version-check --editable '.[dev,browser]'
	@touch $@

.venv/installed-locks: .venv/installed-dev
	@echo 'Installing what locks and audits into .venv (once) …'
	@$(RUN) pip install --quiet --disable-pip-version-check --editable '.[dev,locks]'
	@touch $@

# A constraint that cannot be met, or that another dependency contradicts, is a wrong lower bound: pip says so and it ends here.
.venv-lowest/installed: setup.cfg pyproject.toml .ci/lowest.py | .venv/installed-dev
	@echo 'Installing the lowest versions that setup.cfg allows into .venv-lowest (once) …'
	@rm -rf .venv-lowest && $(RUN) venv .venv-lowest
	@$(BIN)/python .ci/lowest.py > .venv-lowest/constraints.txt
	@.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --constraint .venv-lowest/constraints.txt --editable '.[dev]'
	@touch $@
