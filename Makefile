# Needs Python 3.11 or later, make and a package index; test-clients, ide and the part peers of bench also Node 20 or later and npm.

PYTHON ?= $(shell for each in python3.11 python3; do $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
BIN := .venv/bin
INSTALLED := .venv/installed
CLIENTS := tests/clients
CLIENTS_INSTALLED := $(CLIENTS)/node_modules/.package-lock.json
ENGINE_VERSION := 0.5.3-beta.196
ENGINES := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/magistrate/engine-$(ENGINE_VERSION)
ENGINE := $(ENGINES)/bin/secantusd-rs
ON_ENGINE := $(patsubst %,tests/test_%.py,indexes lifecycle filters groups ten_questions rollbacks tampering hostile_trail)
SHARE := 8
IN_PARALLEL = $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder
COMPILE = .venv/lock/bin/pip-compile --quiet --generate-hashes --strip-extras --no-header --no-emit-options

.PHONY: help run demo test test-whole test-engine test-faults test-clients fuzz check docs vectors bench bench-check ide engine lock

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 20

run: $(INSTALLED) ## serve on an embedded database, at http://127.0.0.1:8000/graphql
	@$(BIN)/magistrate serve

demo: $(INSTALLED) ## carry one model from its registration to production, on a server of its own
	@$(BIN)/magistrate demo

# What is compiled is kept even where the environment says otherwise: some 60 processes of a run would each do it again.
# The faster embedded database is taken where it has been built.
test: $(INSTALLED) ## run the tests, of those marked exhaustive one case in eight; on the faster embedded database if it is built: 8 minutes, else 15
	PYTHONDONTWRITEBYTECODE= PATH="$(dir $(ENGINE)):$$PATH" $(IN_PARALLEL) --share $(SHARE) --hypothesis-profile brief

test-whole: $(INSTALLED) ## run every case of every test, on the embedded database that everybody has; 20 to 30 minutes
	PYTHONDONTWRITEBYTECODE= $(IN_PARALLEL)

test-engine: $(INSTALLED) $(ENGINE) ## run on the faster embedded database what only it can show, and the life cycle, filters and rollbacks
	PYTHONDONTWRITEBYTECODE= PATH="$(dir $(ENGINE)):$$PATH" $(BIN)/pytest -n 2 --dist loadfile $(ON_ENGINE)

test-faults: $(INSTALLED) ## kill processes of a server under load 210 times, and balance the books; 10 minutes at most; SEED=... repeats a plan
	$(BIN)/python -m tests.faults $(SEED)

test-clients: $(INSTALLED) $(CLIENTS_INSTALLED) ## try Apollo Client, urql, Relay, graphql-ws, graphql-sse, the audits of GraphQL over HTTP, and sign-in by oidc-provider
	$(BIN)/python -m tests.clients
	$(BIN)/pytest -rs $(CLIENTS)/sign_in.py $(CLIENTS)/sessions.py

fuzz: $(INSTALLED) ## compare answers with and without the planning executor for 10 minutes; SEED=... draws the same operations
	$(BIN)/python -W ignore -m tests.differential $(SEED)

check: $(INSTALLED) ## check format, lint, types, import contracts, the schema's snapshot, descriptions and breaking changes, and the docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@echo 'The schema is the one in schema.graphql, or: $(BIN)/magistrate schema > schema.graphql'
	@$(BIN)/magistrate schema | diff -u schema.graphql -
	@echo 'Its mutations are those in gql/client/mutations.json, or: $(BIN)/magistrate schema --mutations > gql/client/mutations.json'
	@$(BIN)/magistrate schema --mutations | diff -u gql/client/mutations.json -
	$(BIN)/python -m tests.schema_changes
	$(BIN)/pytest tests/test_schema.py tests/test_reference.py tests/test_documented.py tests/test_docs.py

docs: $(INSTALLED) ## write the answers that the documentation shows again, where they have changed
	$(BIN)/python -m tests.documented

vectors: $(INSTALLED) ## make the test vectors of the trail's format anew, docs/vectors: the same files, unless the format changed
	$(BIN)/python -m tests.vectors

bench: $(INSTALLED) ## measure what requests cost, as ratios; SIZE=full takes the faster engine and an hour; ARGS=... adds options
	@$(BIN)/python -m bench --size $(or $(SIZE),short) $(ARGS)

bench-check: $(INSTALLED) $(ENGINE) ## fail if a request costs 20% more than committed, beside a bare server; two minutes
	@PATH="$(dir $(ENGINE)):$$PATH" $(BIN)/python -m bench --check

ide: ## build the page for browsers again, with Node and npm: gql/ide/page.js, page.css and LICENSES.txt
	cd gql/ide/source && npm ci --ignore-scripts --loglevel=error && npm run --silent build

engine: $(ENGINE) ## build the faster embedded database, once a machine: 4 minutes on two idle cores, with cargo, cmake and a C compiler
	@echo 'To use it: MAGISTRATE_ENGINE=$(ENGINE) make run'

lock: $(INSTALLED) ## renew the lock files from pyproject.toml
	$(BIN)/python -m venv .venv/lock
	.venv/lock/bin/pip install --quiet pip-tools
	$(COMPILE) --all-extras --output-file requirements.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock --output-file requirements-server.lock pyproject.toml

$(INSTALLED): requirements.lock pyproject.toml
	@test -n '$(PYTHON)' || { echo 'Magistrate needs Python 3.11 or later; name one with PYTHON=' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Kept outside the clone, so that other clones on this machine find it.
$(ENGINE):
	@command -v cargo > /dev/null || { echo 'The faster embedded database is built with cargo (tried with Rust 1.95), which is not installed' >&2; exit 1; }
	cargo install secantus-mdb --version $(ENGINE_VERSION) --ignore-rust-version --root $(ENGINES)

$(CLIENTS_INSTALLED): $(CLIENTS)/package-lock.json
	cd $(CLIENTS) && npm ci --loglevel=error
	@touch $@
