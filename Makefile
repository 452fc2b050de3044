# Everything that the project does, each target with all its own set-up: Python 3.11 or later, pip and make suffice.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Real recordings for the tests that use them; those tests skip where there are none.
EMOFUSE_DATA ?= $(wildcard $(abspath ../shared/data))
# Real pre-trained models, made once by a script that is no part of the project; without it, their tests skip likewise.
MAKE_MODELS := $(wildcard $(abspath ../shared/models/make.py))
EMOFUSE_MODELS ?= $(if $(MAKE_MODELS),$(abspath $(VENV))/models)
MODELS := $(if $(MAKE_MODELS),$(VENV)/models/.ready)

export EMOFUSE_DATA EMOFUSE_MODELS
export HF_HUB_OFFLINE = 1
# Tests start many processes; without what Python keeps of compiled files, each would compile the package again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help demo test test-slow test-all fuzz check format clean

help:  ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(READY): pyproject.toml constraints.txt emofuse-box/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ./emofuse-box --editable ".[box,train,peft,export,asr,corpora,media,vad,annotate,dev]"
	touch $(READY)

$(VENV)/models/.ready: $(MAKE_MODELS) | $(READY)
	$(BIN)/python $(MAKE_MODELS) $(VENV)/models
	touch $@

demo: $(READY)  ## audio, text and fusion compared on synthetic speech, then two predictions
	$(BIN)/emofuse demo

# A worker for each core; all tests of a file in one of them, because they share what the file has made. Files in the
# order of their folders: by number of tests, as is the default, the few long tests would come last and alone.
WORKERS := -n auto --dist loadfile --no-loadscope-reorder
# Slipcover marks the lines of emofuse itself; a tracer would slow down all that torch and transformers do, too.
COVERED := $(BIN)/python -m slipcover --source src/emofuse --json --out .coverage.json -m pytest
COVERAGE := $(BIN)/python -m slipcover --merge .coverage.json --out .coverage.json --skip-covered --fail-under 90

test: $(READY) $(MODELS)  ## the tests, with coverage
	$(COVERED) $(WORKERS) -m "not slow"
	$(COVERAGE)

test-slow: $(READY) $(MODELS)  ## the tests that need minutes or gigabytes
	$(BIN)/python -m pytest $(WORKERS) -m slow

test-all: $(READY) $(MODELS)  ## all of them, with coverage
	$(COVERED) $(WORKERS)
	$(COVERAGE)

# Inputs come from atheris where it installs, else from random changes.
MINUTES ?= 1
TARGETS ?= $(basename $(notdir $(wildcard tests/fuzz/targets/*.py)))
fuzz: $(READY)  ## every reader of what strangers wrote, for MINUTES of processor time each
	-$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[fuzz]"
	for target in $(TARGETS); do $(BIN)/python tests/fuzz/runner.py $$target --seconds $$(( 60 * $(MINUTES) )) || exit 1; done

check: $(READY)  ## format, lint, types, import contracts, spelling
	$(BIN)/ruff format --check src tests tools benchmarks
	$(BIN)/ruff check src tests tools benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

format: $(READY)  ## put the code into shape
	$(BIN)/ruff format src tests tools benchmarks
	$(BIN)/ruff check --fix src tests tools benchmarks

clean:  ## remove what set-up and runs have made
	rm -rf $(VENV) runs .mypy_cache .ruff_cache .pytest_cache .coverage*
