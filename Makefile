# demo: a site with real photographs, at once.  test: everything that must hold.
# Both set themselves up: a virtual environment, and a private PostgreSQL where none is configured.

SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
RUN := .venv/bin/python
# Plugins by name: looking them all up costs seconds in each of the test processes.
PYTEST := PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(RUN) -m pytest -p pytest_django.plugin \
	-p xdist.plugin -p pytest_timeout -p _hypothesis_pytestplugin
WORKERS ?= 2

.PHONY: demo test test-heavy test-all lint format bench lock setup browser

demo: setup
	@$(RUN) manage.py demo

test: setup browser
	$(PYTEST) -n $(WORKERS) --dist worksteal -m "not heavy"

test-heavy: setup browser
	$(PYTEST) -n $(WORKERS) --dist worksteal -m heavy

test-all: test test-heavy

lint: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	.venv/bin/lint-imports
	$(RUN) -m mypy
	$(RUN) manage.py makemigrations --check --dry-run
	$(RUN) manage.py api_schema --check

format: setup
	$(RUN) -m ruff check --fix-only .
	$(RUN) -m ruff format .

bench: setup
	$(RUN) -m tests.benchmarks

# Writes the lock files anew from pyproject.toml: hashes, and no address.
LOCK = $(RUN) -m uv pip compile -q --generate-hashes --no-emit-index-url --no-header --universal \
	--python-version 3.11 --custom-compile-command "make lock" pyproject.toml
lock: setup
	$(LOCK) --extra embedded --extra local -o requirements.lock
	$(LOCK) --all-extras -c requirements.lock -o requirements-dev.lock

setup: .venv/installed

.venv/installed: requirements-dev.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Lacuna needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3.11")'
	@test -x $(RUN) || "$(PYTHON)" -m venv .venv
	@echo "Installing the locked packages into .venv (a minute or two the first time)."
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		-r requirements-dev.lock
	@touch $@

browser: setup
	@$(RUN) -m tests.browser.provide
