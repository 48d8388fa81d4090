# One word per need; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
SNAKEMAKE := PATH="$(CURDIR)/$(BIN):$$PATH" snakemake
CONFIG ?=
TARGET ?=
EFFECT ?= 3.3
TABLE ?= results/transfer_table.csv
ROW ?= 1
CONFIGFILE := $(if $(CONFIG),--configfile $(CONFIG))

.PHONY: help setup runtimes transfer-table report plan explain power smoke humaneval-x test test-kills test-slurm test-container test-languages languages lint costs verify trace lock benchmark-judge container clean benchmark-scale plugins

help:             ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: .venv/complete  ## create the environment in .venv, as pinned in requirements.lock

.venv/complete: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than Python 3.11; install it and run: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "Creating the environment in .venv (about 2 GB, a few minutes the first time)"
	@$(PYTHON) -m venv .venv || { echo "error: no venv module; apt-get install python3-venv"; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@touch $@

plugins: .venv-plugins/complete  ## what Kubernetes and object storage need, over .venv, in .venv-plugins

.venv-plugins/complete: requirements-plugins.lock | setup
	@$(PYTHON) -m venv .venv-plugins
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $$(.venv-plugins/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/main.pth
	@.venv-plugins/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-plugins.lock
	@touch $@

runtimes: setup   ## install what the config's languages and the sandbox need (apt), or say what to install
	@$(BIN)/python -m scripts.install_runtimes $(if $(CONFIG),--config config.yaml $(CONFIG))

transfer-table: runtimes  ## the main job: everything up to results/transfer_table.csv, then the table
	@echo "Running the main job; on two cores the default takes about a quarter of an hour"
	@$(SNAKEMAKE) all $(CONFIGFILE)
	@$(BIN)/python -m scripts.show_table results/transfer_table.csv --config config.yaml $(CONFIG)

report: runtimes  ## the page to look at, results/report.html: everything above, the transfer matrix, latent space, statistics
	@$(MAKE) --no-print-directory plan
	@$(SNAKEMAKE) results/report.html results/figures $(CONFIGFILE)
	@echo "Open results/report.html in a browser"

plan: setup       ## what CONFIG costs from nothing, before it starts
	@$(BIN)/python -m scripts.estimate_cost config.yaml $(CONFIG)

explain: setup    ## what `make transfer-table` (or TARGET=results/report.html) would do again with CONFIG, why, at what cost
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m scripts.explain $(or $(TARGET),all) $(CONFIGFILE)

power: setup      ## EFFECT=3.3: problems and seeds that would find a difference of so many points, from the finished run
	@$(BIN)/python -m scripts.power --effect $(EFFECT) $$(test ! -d results/verdicts/rl || $(BIN)/python -m scripts.plan_options config.yaml $(CONFIG))

smoke: ; @$(MAKE) --no-print-directory transfer-table CONFIG=configs/smoke.yaml  ## the whole DAG in a few minutes, plumbing only

humaneval-x:      ## judge the 984 canonical programs of HumanEval-X
	@$(MAKE) --no-print-directory runtimes CONFIG=configs/humaneval_x.yaml
	@$(SNAKEMAKE) results/parallel_matrix.csv --configfile configs/humaneval_x.yaml

test: setup       ## set up, then all tests
	@$(BIN)/python -m scripts.install_runtimes
	@$(BIN)/python -m scripts.install_runtimes --languages c cpp java javascript
	@$(BIN)/python -m scripts.install_clusters || echo "Going on: the tests on a cluster will be skipped"
	@tests/get_apptainer.sh
	@$(MAKE) --no-print-directory plugins || echo "Going on: the tests of Kubernetes and object storage will be skipped"
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder --durations=15

test-kills: setup ## fifty random kills over one smoke run, and kills from scratch; about twelve minutes
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -s -m full tests/test_random_kills.py tests/test_interruption.py

test-slurm: setup ## the tests on a real Slurm cluster of three nodes that is brought up here (as root), the long one too
	@$(BIN)/python -m scripts.install_clusters || echo "Going on: the tests on a cluster will be skipped"
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -m "full or not full" --durations=15 tests/test_slurm*.py

test-container: setup ## the smoke workflow in the container image with everything, also through Slurm; about ten minutes
	@tests/get_apptainer.sh
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -s -m full tests/test_container_full.py

test-languages: setup  ## install every language (about 3 GB), then test each
	@$(BIN)/python -m scripts.install_runtimes --all
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest --all-languages --durations=10 tests/test_language_programs.py

languages: setup  ## list all languages: version, self-test, start-up cost, or what installs them
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m scripts.list_languages

lint: setup       ## ruff, snakefmt and snakemake --lint
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -q tests/test_style.py

costs:            ## what the finished results cost: wall, CPU, GPU, memory, tokens, programs per stage and rule
	@$(BIN)/python -m scripts.cost

verify:           ## check that every file in results/ is byte for byte what its command wrote
	@$(BIN)/python -m scripts.verify

trace:            ## ROW=1 TABLE=results/transfer_table.csv: all that a row of a table was made from, down to the data
	@$(BIN)/python -m scripts.trace $(TABLE) --row $(ROW)

lock: setup       ## pin anew what the packages of envs/ need; UPGRADE=--upgrade takes the newest versions that fit
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m scripts.lock_environments $(UPGRADE)

benchmark-scale: setup ; @$(BIN)/python -m benchmarks.scale  ## what Snakemake itself costs for 10 seeds x 8 mixtures x 4 sources x 20 PLs

benchmark-judge: setup ; @$(BIN)/python -m benchmarks.judge --compare benchmarks/judge.json  ## what the judge costs, beside the committed result

container: setup  ## the image for --sdm apptainer; also of CONFIG, on another BASE (docs/containers.md)
	@$(BIN)/python -m scripts.build_container $(if $(CONFIG),--config config.yaml $(CONFIG)) $(if $(BASE),--base $(BASE))

clean:            ## delete resumable state and caches (work/), not results
	rm -rf work
