# make demo   creates the environment, installs, trains on two machines, compares them
# make test   creates the environment, runs the fast test suite (make test-all: also the exhaustive tests)
# make reference   writes the pages of all fields of a hwconfig and of a workload anew
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUNS ?= runs

.PHONY: demo test test-slow test-all lint reference bench bench-gpu bench-scalesim more-hardware numerics random-bits validation studies reports clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install -q --disable-pip-version-check -e '.[dev]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/accelsim simulate hwconfigs/fp32.yaml workloads/digits_cnn.yaml --out $(RUNS)/demo/fp32 --force
	$(BIN)/accelsim simulate hwconfigs/int8_range_bn.yaml workloads/digits_cnn.yaml --out $(RUNS)/demo/int8_range_bn --force
	$(BIN)/accelsim compare $(RUNS)/demo/fp32 $(RUNS)/demo/int8_range_bn --out $(RUNS)/demo/comparison.html --force

# Each worker takes its share of the tests in one piece, so that few session fixtures are made twice; who is done helps.
WORKERS := -n auto --maxprocesses 8 --dist worksteal

test: $(VENV)/.installed-dev
	$(BIN)/pytest -q $(WORKERS) -m "not slow"

test-slow: $(VENV)/.installed-dev
	$(BIN)/pytest -q $(WORKERS) -m slow || test $$? -eq 5

test-all: $(VENV)/.installed-dev
	$(BIN)/pytest -q $(WORKERS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

reference: $(VENV)/.installed
	$(BIN)/accelsim schema hwconfig --format markdown > docs/hwconfig.md
	$(BIN)/accelsim schema workload --format markdown > docs/workload_fields.md

bench: $(VENV)/.installed
	$(BIN)/pip install -q --disable-pip-version-check -e '.[bench]'
	$(BIN)/python benchmarks/training_step.py
	$(BIN)/python benchmarks/kernels.py

bench-gpu: $(VENV)/.installed
	$(BIN)/pip install -q --disable-pip-version-check -e '.[bench,gpu]'
	$(BIN)/python benchmarks/gpu/training_step.py

bench-scalesim: $(VENV)/.installed
	$(BIN)/python benchmarks/scalesim.py

more-hardware: $(VENV)/.installed
	$(BIN)/python benchmarks/more_hardware.py
	$(BIN)/python benchmarks/more_hardware.py --serial

numerics: $(VENV)/.installed
	$(BIN)/python benchmarks/numerics_table.py

random-bits: $(VENV)/.installed
	$(BIN)/python benchmarks/random_bits.py

validation: $(VENV)/.installed
	$(BIN)/python benchmarks/validation.py

studies: $(VENV)/.installed
	$(BIN)/python benchmarks/studies.py

reports: $(VENV)/.installed
	$(BIN)/python benchmarks/banner.py

clean:
	rm -rf $(VENV) $(RUNS) build *.egg-info
