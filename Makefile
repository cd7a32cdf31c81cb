# One short command per job; CI calls only these.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# The lock is whole, so that there is nothing to resolve; pip would compile every module, one after the other.
LOCKED := $(PIP) --no-compile --no-deps --require-hashes -r
# Writes bytecode although the environment may say not to, which would have each start compile anew.
IMPORT := PYTHONDONTWRITEBYTECODE= $(BIN)/python -c
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
	$(LOCKED) requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	$(IMPORT) 'import app.collector.service, app.demo.server, scipy.stats, statsmodels.regression.linear_model, statsmodels.stats.proportion' & \
	$(IMPORT) 'import app.cli, app.web.page, app.web.server, app.web.worker, flask, gunicorn.app.wsgiapp, uvloop'; \
	own=$$?; wait $$! && exit $$own
	touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/runtime
	$(LOCKED) requirements-dev.lock
	-$(BIN)/python -m compileall -q -j 0 $(VENV)/lib
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
