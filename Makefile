# make run: the environment, then the workflow on the embedded example.
# make test: the tests, in CORES processes. Both need Python 3.11 or newer.
# make cluster: Snakemake's plugins for clusters; make test-cluster: tests on a Slurm of this machine.
# make test-browser: tests of the page of results in Chromium (Debian: chromium).
# make test-scverse: tests in which anndata, scanpy and cell-eval read what the workflow writes.
# make benchmark: speed and memory beside other methods, about half an hour.
# make perturbqa: config/perturbqa.yaml on each table in data/perturbqa/; see docs/perturbqa.md.
# make docs: the tables of config/README.md, from the schema.

PYTHON ?= python3
CORES ?= 2
BIN := .venv/bin

.PHONY: run test lint docs perturbqa cluster test-cluster test-browser test-scverse benchmark lock clean

run: .venv/installed
	$(BIN)/snakemake --cores $(CORES)

test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses=$(CORES) --dist=loadfile --no-loadscope-reorder

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

docs: .venv/installed
	$(BIN)/python scripts/document_config.py --schema workflow/schemas/config.schema.yaml \
		--page config/README.md

cluster: .venv/cluster

test-cluster: .venv/cluster
	$(BIN)/pytest tests/cluster

test-browser: .venv/browser
	$(BIN)/pytest tests/browser

# The workflow runs in the first environment, its files are read in the second one.
test-scverse: .venv/installed .venv-scverse/installed
	.venv-scverse/bin/pytest tests/scverse tests/unit/test_h5ad.py tests/unit/test_cells.py

perturbqa: .venv/installed
	set -e; for table in data/perturbqa/*; do name=$$(basename "$${table%%.*}"); \
		$(BIN)/snakemake --cores $(CORES) --configfile config/perturbqa.yaml \
		--config "dataset={name: $$name, effects: $$table}"; done

benchmark: .venv-benchmark/installed
	.venv-benchmark/bin/python benchmark/run.py

# Write the locks anew from pyproject.toml; needs uv. What the plugins need stands in the first one,
# and pip refuses to install the second where it does not.
LOCK := uv pip compile --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-header --no-annotate
lock:
	$(LOCK) pyproject.toml --group dev --output-file requirements.lock
	$(LOCK) --group browser --output-file requirements-browser.lock
	$(LOCK) --group cluster --no-deps --output-file requirements-cluster.lock
	$(LOCK) --group scverse --output-file requirements-scverse.lock

# Environments and caches; results stay.
clean:
	rm -rf .venv .venv-benchmark .venv-scverse .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/installed: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version + ". Name one: make PYTHON=python3.12")'
	rm -rf .venv
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

.venv/browser: .venv/installed requirements-browser.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements.lock -r requirements-browser.lock
	touch $@

.venv/cluster: .venv/installed requirements-cluster.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements.lock -r requirements-cluster.lock
	touch $@

.venv-scverse/installed: requirements-scverse.lock
	rm -rf .venv-scverse
	$(PYTHON) -m venv .venv-scverse
	.venv-scverse/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-scverse.lock
	touch $@

.venv-benchmark/installed: requirements.lock benchmark/requirements.txt
	rm -rf .venv-benchmark
	$(PYTHON) -m venv .venv-benchmark
	.venv-benchmark/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	.venv-benchmark/bin/python -m pip install --quiet --disable-pip-version-check -r benchmark/requirements.txt
	touch $@
