# make setup   the environment in .venv, from python3 and nothing else
# make run     the reference benchmark, into results/neuro
# make claims  the benchmarks of the claims, and the verdicts, into results/claims
# make test    the tests
# make test-neurogym   those of rnnbench-neurogym, in its own environment in .venv-neurogym
# make test-peers      learning rules against avalanche-lib, exported metadata against RO-Crate's validator, in .venv-peers
# make test-slurm  rnnbench-slurm against a real Slurm of one node, where its programs are installed
# make speed   network-updates per second beside what a user would otherwise write, into results/speed
# make lint    style, types and the direction of imports

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# rnnbench-neurogym has an environment of its own: neurogym holds numpy at 2.2, and the others take the newest.
PLUGINS := $(filter-out plugins/rnnbench-neurogym,$(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
READY := $(VENV)/.ready

.PHONY: setup run claims test test-neurogym test-peers test-slurm speed lint clean

setup: $(READY)

# torch alone first: its pin decides which build everything else is resolved against.
$(READY): pyproject.toml $(PLUGINS:=/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit("rnnbench needs Python 3.11 or newer, and this is " + sys.version.split()[0] + "; try make PYTHON=python3.12") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[pinned,test]' $(foreach p,$(PLUGINS),-e ./$(p))
	@touch $(READY)

run: setup
	$(BIN)/python -m rnnbench run benchmarks/neuro.yaml

claims: setup
	for file in benchmarks/claims/*.yaml; do $(BIN)/python -m rnnbench run $$file || exit 1; done
	$(BIN)/python -m rnnbench claims

test: setup
	$(BIN)/python -m pytest -n auto --dist worksteal

NEUROGYM := .venv-neurogym

$(NEUROGYM)/.ready: pyproject.toml plugins/rnnbench-neurogym/pyproject.toml
	$(PYTHON) -m venv $(NEUROGYM)
	$(NEUROGYM)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(NEUROGYM)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[pinned]' -e './plugins/rnnbench-neurogym[test]'
	@touch $@

test-neurogym: $(NEUROGYM)/.ready
	$(NEUROGYM)/bin/python -m pytest plugins/rnnbench-neurogym/tests

PEERS := .venv-peers

# avalanche-lib without what it declares: image models, loggers and a torchvision that fits few builds of torch. What
# its rules import is named here; the tests put empty modules in the place of the rest.
$(PEERS)/.ready: pyproject.toml plugins/rnnbench-rules/pyproject.toml
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[pinned]' -e ./plugins/rnnbench-neuro -e './plugins/rnnbench-rules[test]'
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps avalanche-lib==0.6.0
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check scikit-learn matplotlib psutil tqdm quadprog dill qpsolvers tensorboard gputil gdown torchmetrics rocrate roc-validator
	@touch $@

test-peers: $(PEERS)/.ready
	$(PEERS)/bin/python -m pytest plugins/rnnbench-rules/tests/peers tests/results/exchange/test_crate_validator.py

# Debian: slurmctld slurmd slurm-client slurm-wlm-basic-plugins. Without them its tests say so and are skipped. Two more
# scenarios: -m 'cluster and slow'.
test-slurm: setup
	$(BIN)/python -m pytest -m 'cluster and not slow' plugins/rnnbench-slurm/tests

speed: setup
	$(BIN)/python benchmarks/speed table --without torch_compile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) $(NEUROGYM) $(PEERS)
