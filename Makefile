# Everything is set up inside this folder. What `make` finds done it does not do again.

VENV := .venv
BIN := $(VENV)/bin
PYTHONS := $(PYTHON) python3 python3.13 python3.14 python3.12
NODE_MODULES := frontend/node_modules/.package-lock.json
PYODIDE_FILES := pyodide.mjs pyodide.asm.mjs pyodide.asm.wasm python_stdlib.zip

# Tiers that need more than a Python.
SLOW := browser or build or pyodide or server

# What does not need one another is made side by side; of several goals each after the one before.
ifeq ($(words $(MAKECMDGOALS)),1)
MAKEFLAGS += --jobs=2
endif

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DELETE_ON_ERROR:
.PHONY: help setup demo site docs docs-links test test-browser test-fast test-frontend lint format screenshots bench soak dist

help:
	@sed -n 's/^| `make \([^|]*\)` | /make \1: /; s/`//g; s/ |$$//; /^make /p' CONTRIBUTING.md

setup: $(VENV)/.lite-comms $(VENV)/.browser

demo: site
	@$(BIN)/python serve.py _site --open --host examples/host

site: _site/jupyter-lite.json

# Warnings are errors; a reference that leads nowhere is one.
SPHINX := $(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --doctree-dir build/doctrees docs

# The documentation, with the demo site in lite/, into _docs: python serve.py _docs shows it.
docs: _site/jupyter-lite.json
	@rm -rf _docs
	@$(SPHINX) _docs

# The links to other hosts, which needs the network.
docs-links: $(VENV)/.lite-comms
	@$(SPHINX) --builder linkcheck build/links

# A kernel's start keeps more than one core busy, and much else waits. Browser tests have processes of
# their own: from the first of them on Playwright's event loop runs, and no asyncio.run() can.
WORKERS := 2
test: setup site lint test-frontend
	@echo "== Python tests"
	@$(BIN)/python -m pytest tests --numprocesses=$(WORKERS) --no-loadscope-reorder
	@echo "== browser tests"
	@$(BIN)/python -m pytest playwright --numprocesses=$(WORKERS) --no-loadscope-reorder

# Of one file: make test-browser FILE=playwright/test_live.py
FILE := playwright
test-browser: setup site
	@$(BIN)/python -m pytest $(FILE)

test-frontend: $(VENV)/.lite-comms
	@echo "== frontend tests"
	@cd frontend && npm test

test-fast: $(VENV)/.lite-comms
	@$(BIN)/python -m pytest tests -m "not ($(SLOW))"

lint: $(VENV)/.lite-comms
	@echo "== checks"
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@cd frontend && npm run --silent check

format: $(VENV)/.lite-comms
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@cd frontend && npm run --silent format

screenshots: setup site
	@$(BIN)/python playwright/screenshots.py

# With options: make soak SOAK="--minutes 5 --isolated"
soak: setup site
	@$(BIN)/python playwright/soak.py $(SOAK)

# With options: make bench BENCH="--quick --server"
bench: setup site
	@$(BIN)/python -m bench.run $(BENCH)

# The sdist, and the wheel made of it, in environments of their own; and the npm package.
dist: $(VENV)/.lite-comms
	@rm -rf dist
	@PIP_CONSTRAINT=constraints.txt $(BIN)/python -m build
	@cd build/module && npm pack --silent --pack-destination ../../dist

# Before anything is downloaded, what the machine lacks is said.
$(VENV)/.python:
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && command -v npm >/dev/null || { \
	  echo >&2 "Node.js 20 or newer with npm is needed (found: $$(node --version 2>/dev/null || echo none))."; \
	  echo >&2 "Install it and call make again."; \
	  exit 1; \
	}
	@for python in $(PYTHONS) "$$(uv python find 2>/dev/null)"; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
	    $(BIN)/python -m pip --version >/dev/null 2>&1 || $$python -m venv --clear $(VENV) || { \
	      echo >&2 "No environment could be made with $$python; on Debian and Ubuntu install python3-venv."; \
	      exit 1; \
	    }; \
	    exit 0; \
	  fi; \
	done; \
	echo >&2 "Python 3.12 or newer was not found. Install it, or say where it is: make PYTHON=/path/to/python3"; \
	exit 1
	@touch $@

$(VENV)/.packages: constraints.txt pyproject.toml | $(VENV)/.python
	@echo "== Python packages, into $(VENV)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt pip
	@$(BIN)/python -m pip install --constraint constraints.txt --group dev
	@touch $@

$(NODE_MODULES): frontend/package-lock.json | $(VENV)/.python
	@echo "== the frontend's packages, into frontend/node_modules"
	@cd frontend && npm ci --no-audit --no-fund
	@touch $@

# The extension and the kernel's wheel are built by hatch_build.py.
$(VENV)/.lite-comms: $(VENV)/.packages $(NODE_MODULES) hatch_build.py hatch_readme.py install.json kernel_startup.py kernel_unpack.py LICENSE \
  $(shell find lite_comms frontend/src -name '*.py' -o -name '*.js' -o -name '*.ts' -o -name '*.tsx' -o -name '*.css') $(wildcard frontend/*.json frontend/*.mjs)
	@echo "== lite_comms with its extension, into $(VENV)"
	@$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.browser: $(VENV)/.packages
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then :; \
	else echo "== a browser"; $(BIN)/python -m playwright install chromium; fi
	@touch $@

# Pyodide as its npm package has it, but its lock lists no packages, or the site would load those from
# a CDN: JupyterLite's builder adds the ones that it copies into the site.
static/pyodide/pyodide-lock.json: $(NODE_MODULES)
	@mkdir -p $(@D)
	@cd frontend/node_modules/pyodide && cp $(PYODIDE_FILES) "$(CURDIR)/$(@D)"
	@node -p 'JSON.stringify({...require("./frontend/node_modules/pyodide/pyodide-lock.json"), packages: {}})' > $@

_site/jupyter-lite.json: $(VENV)/.lite-comms static/pyodide/pyodide-lock.json jupyter_lite_config.json \
  $(wildcard constraints-site.txt overrides.json demo/* content/* content/gallery/*)
	@echo "== the site, into _site"
	@rm -rf _site .jupyterlite.doit.db
	@$(BIN)/jupyter lite build > build/site.log 2>&1 || { \
	  tail -n 50 build/site.log >&2; \
	  exit 1; \
	}
	@cp demo/index.html _site/
	@touch $@
