# Each target sets itself up: a virtual environment in .venv, made once and again when pyproject.toml changes.
# The smallest torch, and uv in the place of pip: see README.md.
PYTHON ?= python3
PIP_FLAGS ?=
INSTALL ?= $(BIN)/python -m pip install --quiet
PYTEST_FLAGS ?=
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: help demo test test-all check made made-check docs browse jupyterlab zensical dist serve clean

help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/learner ## from noise to pictures in five minutes; writes out/demo/
	$(BIN)/cdm-tutor demo

test: $(VENV)/dev ## the package's own tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -n auto --dist loadfile --no-loadscope-reorder $(PYTEST_FLAGS)

test-all: override PYTEST_FLAGS += --all
test-all: test ## those that take long as well, before a release or after changes to lessons and their checks

check: $(VENV)/dev ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

made: $(VENV)/dev ## make what is stale: pictures, tables, the lists of lessons
	OMP_NUM_THREADS=1 $(BIN)/python -m workshop make

made-check: $(VENV)/dev ## say what is stale (make test does, too)
	$(BIN)/python -m workshop check

docs: $(VENV)/dev ## build the site into site/, failing on any warning
	$(BIN)/mkdocs build --strict

browse: $(VENV)/dev ## look at every page of the site in two browsers (Debian: apt-get install chromium firefox-esr)
	$(BIN)/python -m pytest tests/test_site.py tests/test_gallery.py tests/test_live.py tests/test_firefox.py --browser -m browser -n auto $(PYTEST_FLAGS)

jupyterlab: $(VENV)/dev ## do an exercise in JupyterLab, in a browser
	$(INSTALL) $(PIP_FLAGS) -e '.[jupyterlab]'
	$(BIN)/python -m pytest tests/test_notebook.py --browser -m browser $(PYTEST_FLAGS)

zensical: $(VENV)/dev ## build the site with Zensical too, which will follow MkDocs
	$(INSTALL) $(PIP_FLAGS) -e '.[zensical]'
	$(BIN)/zensical build

dist: $(VENV)/dev ## the wheel and the source, as they are published, into dist/
	rm -rf dist
	PAGES=yes $(BIN)/python -m build --no-isolation --sdist --wheel --outdir dist
	$(BIN)/twine check --strict dist/*

serve: $(VENV)/dev ## show the site at http://127.0.0.1:8000 and rebuild on save
	$(BIN)/mkdocs serve

clean: ## delete the virtual environment and everything made
	rm -rf $(VENV) out site dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, $(PYTHON) is older: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Making a virtual environment in $(VENV) ..."
	$(PYTHON) -m venv $(VENV)

$(VENV)/learner: $(VENV)/bin/python pyproject.toml
	@echo "Installing what the course needs (torch is large: a few minutes the first time) ..."
	$(INSTALL) $(PIP_FLAGS) -e .
	@touch $@

$(VENV)/dev: $(VENV)/learner
	@echo "Installing what its developers need ..."
	$(INSTALL) $(PIP_FLAGS) -e '.[dev]'
	@touch $@
