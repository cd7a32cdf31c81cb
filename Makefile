# One short command per job; CI calls only these.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
RESOLVE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url pyproject.toml

.PHONY: help setup setup-dev browser demo run test unit lint format bench lock clean

## help: this list
help:
	@grep -E '^## ' $(MAKEFILE_LIST) | sed 's/^## //'

## setup: the product and its tools in .venv, Chromium for the browser tests
setup: setup-dev browser

$(VENV)/runtime: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed.")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/runtime
	$(PIP) --require-hashes -r requirements-dev.lock
	touch $@

setup-dev: $(VENV)/dev

browser:
	@sh .ci/browser

## run: a live page on real exchanges, for example make run MARKETS="binance:BTC/USDT"
MARKETS ?= binance:BTC/USDT kraken:BTC/USD
run: $(VENV)/runtime
	$(BIN)/ofi run $(MARKETS)

## demo: a living market in the browser, no network needed
demo: $(VENV)/runtime
	$(BIN)/ofi demo

## test: everything that CI checks
test: setup lint unit

unit:
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile

## lint: style, format, types, layers
lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

## format: rewrite the files to the format
format: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## bench: the benchmarks; each prints a ratio to a stated baseline
bench: setup
	$(BIN)/python -m benchmarks

## lock: resolve the dependencies anew: names, versions and hashes, no addresses
lock: setup-dev
	$(RESOLVE) --group build --output-file requirements.lock
	$(RESOLVE) --group dev --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
