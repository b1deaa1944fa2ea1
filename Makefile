# Everything a fresh machine with Python 3.11+ and make needs. The first run installs into .venv; later runs are instant.
# `make test` also installs AWS's clients into .venv-clients, and s3fs into .venv-s3fs.
#   make demo    set up, run the pipeline on shipped and generated raw files, show the result
#   make test    the quick test suite          make crash   the kill -9 sweep over every failpoint
#   make slow    the Spark tests of minutes each, and Sail in .venv-sail
#   make check   ruff and mypy                 make bench   all benchmarks, each against a named peer
#   make serve   the server, `glulam up`       make clean   remove what make made

ifndef PYTHON
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
endif
VENV := .venv
BIN := $(VENV)/bin
CLIENTS := .venv-clients
S3FS := .venv-s3fs
SAIL := .venv-sail
WORKERS ?= 2
BENCH_SCRIPTS ?= ledger ingest small_files memory catalog partitions s3 s3_list crawl jobs glue_scripts orchestrate
PYTEST := $(BIN)/python -m pytest

.PHONY: demo test slow check bench serve crash clean

test: $(VENV)/.installed-dev $(CLIENTS)/.installed $(S3FS)/.installed
	$(PYTEST) -n $(WORKERS) --dist loadgroup -m "not slow" $(ARGS)

slow: $(VENV)/.installed-dev $(SAIL)/.installed
	GLULAM_TEST_SAIL_PYTHON=$(CURDIR)/$(SAIL)/bin/python $(PYTEST) -n $(WORKERS) --dist loadgroup -m slow $(ARGS)

crash: $(VENV)/.installed-dev
	GLULAM_CRASH_SWEEP=1 $(PYTEST) -n $(WORKERS) -m crash $(ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy bench

bench: $(VENV)/.installed-dev
	@set -e; for script in $(BENCH_SCRIPTS); do echo "== bench/$$script.py"; $(BIN)/python -m bench.$$script; done

demo: $(VENV)/.installed
	$(BIN)/python -m demo.run

serve: $(VENV)/.installed
	$(BIN)/glulam up

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none found. Name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "python -m venv failed. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[databases,delta,dev,iceberg,spark]'
	@touch $(VENV)/.installed $@

# Clients that the tests run as users do: apart, because they pin other versions than ours, and s3fs others than AWS's.
$(CLIENTS)/.installed: constraints-clients.txt | $(VENV)/bin/python
	@$(BIN)/python -m venv --clear $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-clients.txt awscli awswrangler
	@touch $@

$(S3FS)/.installed: constraints-s3fs.txt | $(VENV)/bin/python
	@$(BIN)/python -m venv --clear $(S3FS)
	$(S3FS)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-s3fs.txt s3fs
	@touch $@

# Sail takes clients up to PySpark 4.2.
$(SAIL)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(BIN)/python -m venv --clear $(SAIL)
	$(SAIL)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sail]'
	@touch $@

clean:
	rm -rf $(VENV) $(CLIENTS) $(S3FS) $(SAIL) demo_lake build dist spark-warehouse metastore_db derby.log
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
