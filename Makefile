# SPDX-License-Identifier: Apache-2.0
# Every target installs what it needs first (scripts/bootstrap), so that each works as the
# first command in a fresh clone. PYTHON=... chooses the interpreter, ARGS=... is handed on.

export PYTHON ?= python3
VENV := .venv/bin
# Scripts have no extension by which the tools would find them.
SCRIPTS := $(shell grep -slE '^\#!.*python3' scripts/*)

# Two targets at once would install under each other's feet.
.NOTPARALLEL:
.PHONY: help demo test lint bench image dist pictures proto clean

help:
	@sed -n 's/^| `make \([a-z]*\)` | \(.*\) |$$/make \1: \2/p' README.md

demo:
	@scripts/bootstrap demo
	$(VENV)/portside demo $(ARGS)

test:
	@scripts/bootstrap test
	@$(MAKE) --no-print-directory lint
	$(if $(ARGS),$(VENV)/pytest $(ARGS),scripts/test-all)

lint:
	@scripts/bootstrap lint
	$(VENV)/ruff check . $(SCRIPTS)
	$(VENV)/ruff format --check . $(SCRIPTS)
	$(VENV)/mypy
	@# One at a time: to mypy each of them is the module __main__.
	for script in $(SCRIPTS); do $(VENV)/mypy "$$script" || exit 1; done
	$(VENV)/lint-imports

bench:
	@scripts/bootstrap test
	$(VENV)/python -m bench.run $(ARGS)

image:
	@scripts/bootstrap image
	scripts/image $(ARGS)

dist:
	@scripts/bootstrap lint
	scripts/dist $(ARGS)

pictures:
	@scripts/bootstrap lint
	$(VENV)/python scripts/pictures

proto:
	@scripts/bootstrap lint
	PYTHON=../$(VENV)/python scripts/proto

clean:
	rm -rf .venv build dist *.egg-info .hypothesis .mypy_cache .ruff_cache .pytest_cache \
		.import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
