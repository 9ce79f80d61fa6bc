# Two commands to start: `make demo` and `make test`. Both install what they need.
PYTHON ?= python3
V := .venv/bin
# Each worker has its own PostgreSQL; more than four of them gain nothing on the machines we know.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist worksteal
# Where a machine says so, no bytecode is kept: every worker would translate all tests, and each `abate` that a test starts all of src.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: demo test test-all check bench docs lock sbom holes clean

demo: .venv/.platform
	$(V)/abate demo --reset

test: .venv/.dev
	scripts/system.sh chromium java brokers scanner
	$(V)/python -m pytest $(SIDE_BY_SIDE) -m "not slow"

# The benchmarks last and alone: beside tests they would measure the tests.
test-all: .venv/.dev
	scripts/system.sh chromium java brokers scanner
	$(V)/python -m pytest $(SIDE_BY_SIDE)
	$(MAKE) bench

check: .venv/.dev
	$(V)/ruff format --check .
	$(V)/ruff check .
	$(V)/mypy
	$(V)/python scripts/generate_docs.py --check
	$(V)/python -m pytest -q tests/house

# Each benchmark in a process of its own, held against benchmarks/aims.toml: exit 1 where a floor is passed.
bench: .venv/.dev
	$(V)/abate bench --check --json

docs: .venv/.dev
	$(V)/python scripts/generate_docs.py

# Hashes for Python 3.11 to 3.14 and no addresses: what installs here is what was tested.
lock: .venv/.dev
	$(V)/pip install -q uv
	$(V)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --extra platform pyproject.toml requirements/build.in -o requirements/platform.txt
	$(V)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --extra platform --extra test --extra check pyproject.toml requirements/build.in -o requirements/dev.txt
	$(V)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url requirements/release.in -o requirements/release.txt
	$(V)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url requirements/holes.in -o requirements/holes.txt

# What a release is made of, from the locks: CycloneDX, checked against its schema, the same bytes for the same lock.
# Its tool has an environment of its own: beside it every import of jsonschema would take seconds.
SBOM ?= build
sbom: .venv/.dev .venv/release/.done
	mkdir -p $(SBOM)
	.venv/release/bin/cyclonedx-py requirements requirements/platform.txt --pyproject pyproject.toml --output-reproducible --validate -o $(SBOM)/abate-platform.cdx.json
	.venv/release/bin/cyclonedx-py requirements requirements/dev.txt --pyproject pyproject.toml --output-reproducible --validate -o $(SBOM)/abate-dev.cdx.json

# Known holes of what an installation runs: exit 0 only where every package was looked up and none has one (scripts/holes.py).
AUDIT ?= .venv/holes/bin/pip-audit
holes: .venv/holes/.done
	$(V)/python scripts/holes.py $(AUDIT) requirements/platform.txt

.venv/holes/.done: requirements/holes.txt | .venv/.dev
	$(V)/python -m venv .venv/holes
	.venv/holes/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/holes.txt
	@touch $@

.venv/release/.done: requirements/release.txt | .venv/.dev
	$(V)/python -m venv .venv/release
	.venv/release/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/release.txt
	@touch $@

.venv/.platform: requirements/platform.txt pyproject.toml
	scripts/install.sh "$(PYTHON)" requirements/platform.txt
	@touch $@

.venv/.dev: requirements/dev.txt pyproject.toml
	scripts/install.sh "$(PYTHON)" requirements/dev.txt
	@touch $@ .venv/.platform

clean:
	rm -rf .venv .abate .hypothesis .mypy_cache .ruff_cache
