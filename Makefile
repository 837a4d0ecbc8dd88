# The course's commands; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
NOTEBOOKS := $(wildcard book/*/*.ipynb solutions/*/*.ipynb)
# nbval and BLAS: two threads fighting over two cores are many times slower than one
export OMP_NUM_THREADS := 1
# seqeval comes as source; without this, an older pip builds it in a way that fails
export PIP_USE_PEP517 := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help install book test quick nbval repeat notebooks release lab lint format lock clean

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /  make \1|/' | column -t -s '|'

install: $(STAMP)  ## make .venv from requirements.lock, once

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
		{ echo "$(PYTHON) not found: install Python 3.11 or newer, or say make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) has no ensurepip to make an environment with;" \
		"on Debian and Ubuntu: apt install $$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(STAMP)

book: install  ## build the book without a warning, and say where it is
	rm -rf _build
	jupyter-book build . -W -n --keep-going --quiet
	@echo "The book: $(CURDIR)/_build/html/index.html"

test: install lint  ## everything: lint, units, checks, notebooks, the book
	$(BIN)/python -m pytest -n 2 --dist loadgroup
	$(MAKE) nbval

quick: install lint  ## what one runs while editing: no notebooks, no book; UNITS="03 06" for these alone
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow" $(if $(UNITS),-k "$$(echo $(UNITS) | sed 's/ / or /g')")

nbval: install  ## execute all notebooks and compare with their stored outputs
	$(BIN)/python -m pytest --nbval --nbval-current-env -n 2 --dist loadfile $(NOTEBOOKS)

repeat: install  ## ten times nbval: the notebooks give the same each time
	for k in 1 2 3 4 5 6 7 8 9 10; do $(MAKE) --no-print-directory nbval || exit 1; done

notebooks: install release  ## execute and normalise all notebooks in place
	rnncourse notebooks $(NOTEBOOKS)
	rnncourse release

release: install  ## solutions -> exercises and checks, and the students' zip in dist/
	rnncourse release --zip

lab: install  ## JupyterLab on the exercises
	jupyter lab --notebook-dir exercises

lint: install  # ruff over .py and .ipynb
	ruff check . && ruff check --config pages.toml .
	ruff format --check . && ruff format --check --config pages.toml .

format: install  ## let ruff format .py and .ipynb
	ruff check --fix . && ruff check --fix --config pages.toml .
	ruff format . && ruff format --config pages.toml .

lock: install  ## renew requirements.lock, for the oldest Python that the README promises
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	uv pip compile --quiet --upgrade --python-version 3.11.0 --all-extras --no-annotate --no-header \
		--output-file $(VENV)/lock pyproject.toml
	echo "# Every package of every environment, pinned. Made by: make lock" > requirements.lock
	grep -vE '^(cuda|nvidia|triton)' $(VENV)/lock >> requirements.lock  # GPU libraries: pip brings torch's own

clean:  ## remove what was built; .venv stays
	rm -rf _build dist build *.egg-info
