# `make` alone lists the targets: those with two ## behind them. Python 3.11 or newer is needed.

PYTHON ?= python3
CORES ?= 2
RESULTS ?= results/example
SECONDS ?= 60
BIN := .venv/bin

.PHONY: help run test test-all lint docs config-docs report verify perturbqa cluster test-cluster test-browser \
	test-scverse fuzz benchmark lock clean

help:
	@printf 'make TARGET, where the target is one of\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '  %-14s %s\n' $$name "$$text"; done
	@printf '\nREADME.md is where to start. CORES=8 PYTHON=python3.12 make run sets both.\n'

run: .venv/installed  ## install the packages, then run the embedded example: some minutes at first
	$(BIN)/snakemake --cores $(CORES)

test: .venv/installed  ## run the tests, in CORES processes: about 15 minutes
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses=$(CORES) --dist=loadfile --no-loadscope-reorder

test-all: .venv/installed  ## run the tests that take minutes each, too
	OMP_NUM_THREADS=1 $(BIN)/pytest -m '' --numprocesses=$(CORES) --dist=loadfile --no-loadscope-reorder

lint: .venv/installed  ## check format, types and rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

# What the pages link to is beside them, as in the repository.
docs: .venv-docs/installed config-docs  ## make the documentation as a site, in site/
	rm -rf .site site
	mkdir .site
	tar -cf - README.md CHANGELOG.md CITATION.cff LICENSE config docs benchmark/README.md \
		benchmark/results tests/workflow/*.yaml | tar -xf - -C .site
	.venv-docs/bin/mkdocs build --strict --quiet
	rm -rf .site
	@echo 'site/index.html opens from the disk, with its search.'

config-docs: .venv/installed  ## write the tables of config/README.md from the schema
	$(BIN)/python scripts/document_config.py --schema workflow/schemas/config.schema.yaml \
		--page config/README.md

report: .venv/installed  ## open the page of all results in RESULTS, which is results/example
	$(BIN)/python -m webbrowser -t "file://$(CURDIR)/$(RESULTS)/report.html"

verify: .venv/installed  ## compute RESULTS again from what is on record, and compare every table
	$(BIN)/python scripts/verify_results.py --results $(RESULTS) --cores $(CORES)

cluster: .venv/cluster  ## install Snakemake's plugins for clusters

test-cluster: .venv/cluster  ## test on a Slurm cluster that is started on this machine
	$(BIN)/pytest tests/cluster

test-browser: .venv/browser  ## look at the report in Chromium, which it needs (Debian: chromium)
	$(BIN)/pytest tests/browser

# The workflow runs in the first environment, its files are read in the second one.
test-scverse: .venv/installed .venv-scverse/installed  ## open what the workflow writes with anndata, scanpy and cell-eval
	.venv-scverse/bin/pytest tests/scverse tests/unit/test_h5ad.py tests/unit/test_cells.py

# What the search finds stays in .fuzz, for the next one.
fuzz: .venv-fuzz/installed  ## search for files that break a reader, for SECONDS, which is 60
	OMP_NUM_THREADS=1 .venv-fuzz/bin/python tests/fuzz.py --seconds $(SECONDS)

perturbqa: .venv/installed  ## run the tables in data/perturbqa, see docs/perturbqa.md
	set -e; for table in data/perturbqa/*; do name=$$(basename "$${table%%.*}"); \
		$(BIN)/snakemake --cores $(CORES) --configfile config/perturbqa.yaml \
		--config "dataset={name: $$name, effects: $$table}"; done

benchmark: .venv-benchmark/installed  ## measure speed and memory beside other methods: an hour
	.venv-benchmark/bin/python benchmark/run.py

# Write the locks anew from pyproject.toml; needs uv. What the plugins need stands in the first one,
# and pip refuses to install the second where it does not.
LOCK := uv pip compile --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-header --no-annotate
lock:  ## write the lists of packages anew from pyproject.toml; needs uv
	$(LOCK) pyproject.toml --group dev --output-file requirements.lock
	$(LOCK) --group browser --output-file requirements-browser.lock
	$(LOCK) --group cluster --no-deps --output-file requirements-cluster.lock
	$(LOCK) --group scverse --output-file requirements-scverse.lock
	$(LOCK) --group docs --output-file requirements-docs.lock
	$(LOCK) --group fuzz --output-file requirements-fuzz.lock

# Environments and caches; results stay.
clean:  ## delete environments and caches; results stay
	rm -rf .venv .venv-benchmark .venv-docs .venv-fuzz .venv-scverse .fuzz .site site .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version + ". Name one: make PYTHON=python3.12")'
	@echo 'Installing the packages of requirements.lock into .venv: a minute or two.'
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
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

.venv-docs/installed: requirements-docs.lock
	rm -rf .venv-docs
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.lock
	touch $@

.venv-fuzz/installed: requirements.lock requirements-fuzz.lock
	rm -rf .venv-fuzz
	$(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements.lock -r requirements-fuzz.lock
	touch $@

.venv-benchmark/installed: requirements.lock benchmark/requirements.txt
	rm -rf .venv-benchmark
	$(PYTHON) -m venv .venv-benchmark
	.venv-benchmark/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	.venv-benchmark/bin/python -m pip install --quiet --disable-pip-version-check -r benchmark/requirements.txt
	touch $@
