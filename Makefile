# SPDX-License-Identifier: Apache-2.0
# Every command of the project; each one sets up first what it needs. `make help` lists them.
#
# Variables, given on the command line: SIM=verilator|icarus (test: also both), CONFIG and MODEL, names
# as in hdl/configs.toml and checkpoints/, WAVES=1. A target without them uses its script's defaults.
PYTHON := .venv/bin/python
sim-options = $(if $(SIM),--sim $(SIM)) $(if $(MODEL),--model $(MODEL)) $(if $(filter 1,$(WAVES)),--waves)
config-option = $(if $(CONFIG),--config $(CONFIG))

# Of the test suite: what finds most in a few minutes.
QUICK := $(addprefix tests/,cells machine models execution test_layers.py test_sizes.py \
	experiments/test_formal.py rtl/test_util_rtl.py rtl/test_interface_rtl.py rtl/test_checkers.py)

# Commands end when this make is killed (golden/csb_rnn/system/processes.py).
export CSB_MAKE_PID := $(shell echo $$PPID)

.DEFAULT_GOAL := help
.PHONY: help setup lock sim sim-all test nightly lint format synth docs bench bench-quick area soc ecp5 kit energy gates formal mutate coverage functional soak faults netlist test-quick report release site clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' Makefile

setup: ## system packages and .venv (done by all others; instant if nothing is missing)
	@scripts/bootstrap.sh

lock: setup ## requirements.txt from requirements.in: exact versions of all packages, with hashes
	@scripts/lock.sh

sim: setup ## trained models on the RTL, equal bits and cycles: SIM= CONFIG= MODEL= WAVES=1
	$(PYTHON) scripts/sim.py $(config-option) $(sim-options)

sim-all: setup ## every model, shipped Z7 too; every cell x layers x directions x sizes: SIM= CONFIG=
	$(PYTHON) scripts/sim.py --all $(config-option) $(if $(SIM),--sim $(SIM))
	CSB_COVER=all $(PYTHON) -m pytest -n 2 --dist worksteal tests/rtl/test_cover_rtl.py

test: setup ## the whole test suite on both simulators: SIM= for one, CSB_SEED= for another seed
	$(PYTHON) -m pytest -n 2 --dist worksteal --durations=25 --junitxml=build/tests.xml tests

test-quick: setup ## some of it: models, a proof, benches of small modules on Icarus; minutes
	SIM=icarus $(PYTHON) -m pytest -n 2 --dist worksteal $(QUICK)

nightly: setup ## what is too long for the suite, step by step; goes on where it was stopped: STEP=
	$(PYTHON) scripts/nightly.py $(STEP)

lint: setup ## Verilator, slang, Icarus on every module and configuration; mypy; ruff; formats
	$(PYTHON) scripts/lint.py

format: setup ## rewrites Python and SystemVerilog in the format that lint checks
	$(PYTHON) scripts/lint.py --fix

synth: setup ## area by module on ECP5 and UltraScale+, with checks: CONFIG=
	$(PYTHON) scripts/synth.py $(config-option)

bench: setup ## the ten published models (docs/results/engine.md), speed of pruning; half an hour
	$(PYTHON) scripts/bench.py
	$(PYTHON) scripts/gen_docs.py
	$(PYTHON) scripts/prune_bench.py

bench-quick: setup ## three of them, in minutes
	$(PYTHON) scripts/bench.py --quick

area: setup ## area of every sharing mode, clock of small on ECP5; kept by a hash of the sources
	nice -n 10 $(PYTHON) scripts/area.py

energy: setup ## energy of a frame (docs/results/energy.md); compiles CACTI, 10 minutes
	$(PYTHON) scripts/energy.py

soc: ## a RISC-V system in simulation runs a trained network: MODEL= CONFIG= SIM=
	@scripts/bootstrap.sh soc
	$(PYTHON) scripts/soc.py $(config-option) $(if $(MODEL),--model $(MODEL)) $(if $(SIM),--sim $(SIM))

kit: ## the kit of your own configuration through FuseSoC: CONFIG=FILE.toml
	@scripts/bootstrap.sh kit
	$(PYTHON) scripts/kit.py $(config-option)

ecp5: setup ## a board's design: its netlist runs a frame, is placed and routed; 40 minutes
	nice -n 10 $(PYTHON) scripts/ecp5.py
	$(PYTHON) scripts/gen_docs.py

gates: setup ## power of a PEGroup and a lane in 180 nm cells, on the same page; minutes
	nice -n 10 $(PYTHON) scripts/gates.py

release: setup site ## before a tag: version, changelog, citation, wheel, site, kit; prints a table
	$(PYTHON) scripts/release.py

site: ## the documents as a site with search and API reference: build/site/index.html
	@scripts/bootstrap.sh site
	$(PYTHON) scripts/build_site.py

docs: setup ## regenerates the tables in docs/
	$(PYTHON) scripts/gen_docs.py

formal: setup ## proofs by induction, each with covers and planted bugs; minutes: PROOF=
	$(PYTHON) scripts/formal.py $(PROOF)

mutate: setup ## changes the RTL in one place at a time; tests have to fail: MODULE= SAMPLE=
	nice -n 10 $(PYTHON) scripts/mutate.py $(MODULE) $(if $(SAMPLE),--sample $(SAMPLE))

coverage: setup ## lines, branches, toggles, expressions of the RTL by module: TESTS=
	nice -n 10 $(PYTHON) scripts/coverage.py --top $(or $(TESTS),tests/rtl)

functional: setup ## situations that the RTL was in: shapes, stalls, codes, fields; minutes
	nice -n 10 $(PYTHON) scripts/functional.py

soak: setup ## drawn networks, frames, interruptions, each answer compared: MINUTES= CONFIG= SEED=
	nice -n 10 $(PYTHON) scripts/soak.py $(config-option) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

faults: setup ## 2,200 single bit flips of a running machine, by place; minutes
	nice -n 10 $(PYTHON) scripts/faults.py $(config-option)

netlist: setup ## csb_top after synthesis runs networks with equal bits; minutes: CONFIG=
	nice -n 10 $(PYTHON) scripts/netlist.py $(config-option)

report: setup ## docs/results/pruning.md and its figures, from the records of the tries
	$(PYTHON) scripts/prune_report.py

clean: ## removes build/ (not .venv)
	rm -rf build
