# Everything needs only make and Python 3.11+: the targets create .venv themselves.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
JOBS ?= 2
ARGS ?=

.DEFAULT_GOAL := verify
.PHONY: verify test slow bench beside-redis lint proofs clean

## verify: prove every type of the library (ARGS="--fresh", ARGS="my.crdt", ...)
verify: $(INSTALLED)
	@$(BIN)/mergelaw verify $(ARGS)

## test: the tests that take seconds
test: $(INSTALLED)
	@$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

## slow: all tests, the long ones too
slow: $(INSTALLED)
	@$(BIN)/python -m pytest -n $(JOBS) -m "slow or not slow" $(ARGS)

## bench: the figures of tests/benchmarks
bench: $(INSTALLED)
	@$(BIN)/python -m pytest -m "slow or not slow" --benchmark-enable --benchmark-only tests/benchmarks $(ARGS)

## beside-redis: requests a second beside redis-server's (ARGS="--rounds 1 --tests SET,GET")
beside-redis: $(INSTALLED)
	@$(BIN)/python tests/benchmarks/beside_redis.py $(ARGS)

## lint: ruff, mypy --strict, and the imports between the layers
lint: $(INSTALLED)
	@$(BIN)/ruff check .
	@$(BIN)/mypy spec reference checker tests
	@$(BIN)/lint-imports --no-cache

## proofs: write proofs/ anew after a change of a spec or of the encoding
proofs: $(INSTALLED)
	@$(BIN)/mergelaw verify --write-proofs

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The stamp stands for an environment that has what pyproject.toml asks for, so a second run installs nothing.
$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mergelaw needs Python 3.11 or later; name one: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..." >&2
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable ".[dev]"
	@touch $@
