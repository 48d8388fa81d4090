# One word per need; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
SNAKEMAKE := PATH="$(CURDIR)/$(BIN):$$PATH" snakemake
CONFIG ?=
TARGET ?=
MODEL ?=
ADAPTER ?=
BENCHMARK_FORMAT ?=
BENCHMARK ?=
LANGUAGES ?=
EFFECT ?= 3.3
TABLE ?= results/transfer_table.csv
ROW ?= 1
CONFIGFILE := $(if $(CONFIG),--configfile $(CONFIG))
RERUNS := tests/test_reruns.py tests/test_rerun_matrix.py tests/test_rerun_settings.py
FULL_SCALE := $(addprefix tests/test_,delivery.py executed_lines.py gpu_check.py published_base.py published_run.py quantized.py \
	rl_trainer.py sampling_vllm.py several_processes.py sft_options.py stepcoder.py)
ON_SLURM := tests/test_slurm.py tests/test_slurm_incidents.py tests/test_slurm_input.py

.PHONY: help setup runtimes transfer-table evaluate report plan explain power smoke humaneval-x test test-reruns test-full-scale test-kills test-slurm test-container test-languages languages lint costs verify trace lock benchmark-judge container clean benchmark-scale benchmark-build plugins gpu-check

help:             ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: .venv/complete  ## create the environment in .venv, as pinned in requirements.lock

.venv/complete: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than Python 3.11; install it and run: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "Creating the environment in .venv (about 2 GB, a few minutes the first time)"
	@$(PYTHON) -m venv .venv || { echo "error: no venv module; apt-get install python3-venv"; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@touch $@

plugins: .venv-plugins/complete  ## what Kubernetes, object storage and QLoRA need, over .venv, in .venv-plugins

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

evaluate: setup   ## MODEL=/folder [ADAPTER=/folder] [BENCHMARK_FORMAT=multipl_e BENCHMARK=/folder] [LANGUAGES="lua php"]: pass@1 of any model
	@$(BIN)/python -m scripts.install_runtimes $(if $(LANGUAGES),--languages $(LANGUAGES),--config config.yaml configs/evaluate.yaml $(CONFIG))
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m scripts.evaluate --model "$(MODEL)" --adapter "$(ADAPTER)" --format "$(BENCHMARK_FORMAT)" --benchmark "$(BENCHMARK)" --languages $(LANGUAGES) --config $(CONFIG)

report: runtimes  ## the page to look at, results/report.html: everything above, the transfer matrix, latent space, statistics
	@$(MAKE) --no-print-directory plan
	@$(SNAKEMAKE) results/report.html results/figures $(CONFIGFILE)
	@echo "Open results/report.html in a browser"

plan: setup       ## what CONFIG costs from nothing, before it starts: GPU-hours, core-hours, disk
	@$(BIN)/python -m scripts.estimate_cost config.yaml $(CONFIG)

explain: setup    ## what `make transfer-table` (or TARGET=results/report.html) would do again with CONFIG, why, at what cost
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m scripts.explain $(or $(TARGET),all) $(CONFIGFILE)

power: setup      ## EFFECT=3.3: problems and seeds that would find a difference of so many points, from the finished run
	@$(BIN)/python -m scripts.power --effect $(EFFECT) $$(test ! -d results/verdicts/rl || $(BIN)/python -m scripts.plan_options config.yaml $(CONFIG))

smoke: ; @$(MAKE) --no-print-directory transfer-table CONFIG=configs/smoke.yaml  ## the whole DAG in a few minutes, plumbing only

humaneval-x:      ## FOLDER=…: judge the 984 canonical programs of HumanEval-X, whose files are there
	@$(MAKE) --no-print-directory runtimes CONFIG=configs/humaneval_x.yaml
	@$(SNAKEMAKE) results/parallel_matrix.csv --configfile configs/humaneval_x.yaml $(if $(FOLDER),--config 'problems={"imported": {"from": "$(FOLDER)"}}')

test: setup       ## set up, then all tests but those of the other targets below
	@$(BIN)/python -m scripts.install_runtimes
	@$(BIN)/python -m scripts.install_runtimes --languages c cpp java javascript llvm_ir
	@$(BIN)/python -m scripts.install_clusters || echo "Going on: the tests on Grid Engine will be skipped"
	@tests/get_apptainer.sh
	@$(MAKE) --no-print-directory plugins || echo "Going on: the tests of Kubernetes, object storage and QLoRA will be skipped"
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder --durations=15 $(addprefix --ignore=,$(RERUNS) $(ON_SLURM) $(FULL_SCALE))

test-reruns: setup ## the tests of what runs again after every kind of change; about ten minutes
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder --durations=10 $(RERUNS)

test-full-scale: setup ## the tests of docs/full_scale.md that need no GPU, with a run of a published base on own data; about eight minutes
	@$(BIN)/python -m scripts.install_runtimes --languages c cpp
	@$(MAKE) --no-print-directory plugins || echo "Going on: the tests of QLoRA will be skipped"
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -m "full or not full" --numprocesses=2 --dist=loadfile --durations=10 $(FULL_SCALE)

test-kills: setup ## fifty random kills over one smoke run, and kills from scratch; about twelve minutes
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -s -m full tests/test_random_kills.py tests/test_interruption.py

test-slurm: setup ## the tests on a real Slurm cluster of three nodes that is brought up here (as root), the long one too
	@$(BIN)/python -m scripts.install_clusters || echo "Going on: the tests on a cluster will be skipped"
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest -m "full or not full" --durations=15 $(ON_SLURM)

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

benchmark-build: setup ; @$(BIN)/python -m benchmarks.build  ## 10,000 and 100,000 programs through import and builder: programs/s and memory of each stage; about twenty minutes

gpu-check:        ## on a machine with a GPU: all checks and measurements that need one, in at most 25 minutes, into benchmarks/gpu/
	@$(if $(wildcard $(BIN)/python),$(BIN)/python,python3) -m benchmarks.gpu_check

container: setup  ## the image for --sdm apptainer; also of CONFIG, on another BASE (docs/containers.md)
	@$(BIN)/python -m scripts.build_container $(if $(CONFIG),--config config.yaml $(CONFIG)) $(if $(BASE),--base $(BASE))

clean:            ## delete resumable state and caches (work/), not results
	rm -rf work
