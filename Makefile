# make demo   installs what separating needs into .venv and separates the example mixture
# make test   installs every extra but perceptual into .venv too, and runs the whole test suite, on up to four cores
# make check  formatting, types and the direction of imports
# make docs   builds the pages of docs/ into site/
# make bench  timings beside named peers (minutes)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check docs bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(BIN)/separator separate checkpoints/speech-2spk-16k/example.wav -o out
	@echo "The mixture is checkpoints/speech-2spk-16k/example.wav, its two voices and what else is heard are in out/example/."

test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.installed-docs
	$(BIN)/mkdocs build --strict

bench: $(VENV)/.installed-dev
	for script in tests/benchmarks/*.py; do $(BIN)/python -m tests.benchmarks.$$(basename $$script .py) || exit 1; done

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, found %s" % sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) out build dist site
