# make run       install what is missing into .venv, then start everything
# make install   only install
# make test      install what the tests need, then run all of them
# make lock      resolve pyproject.toml into requirements*.txt (UPGRADE=--upgrade for newest)
# make results-check   compute the recorded figures again from results/bundles, and compare
# make results-record  make them anew (BUNDLES="a.zip b.zip" adds these results first)
# make clean     remove .venv and caches; what runs stored, in RETHINK_HOME, stays
#
# ARGS="--port 8001" passes options on to `rethink up`. PYTHON=… names another interpreter.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; \
	done)
BIN := .venv/bin
MAKEFLAGS += --no-print-directory

.PHONY: run install test lock results-check results-record clean python

run: install
	@exec $(BIN)/rethink up $(ARGS)

install: python
	@$(PYTHON) scripts/install.py requirements.txt

test: python
	@$(PYTHON) scripts/install.py requirements-test.txt
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses 2 --dist loadfile $(ARGS)

# The same pins in both files: the second takes the first as its constraints.
LOCK := pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links $(UPGRADE) pyproject.toml --extra api --extra worker
lock: install
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv $(LOCK) --output-file requirements.txt
	$(BIN)/uv $(LOCK) --extra test --constraints requirements.txt --output-file requirements-test.txt

results-check results-record: python
	@$(PYTHON) scripts/install.py requirements.txt
	@PYTHONPATH=. $(BIN)/python scripts/results.py $(@:results-%=%) $(BUNDLES)

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer was not found. Install it, or" \
		"name one: make PYTHON=/path/to/python3" >&2; exit 1; }
