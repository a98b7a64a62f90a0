# make setup          create the environment .venv; needs only python3
# make run            run the reference benchmark, into results/neuro
# make archive        write the results of the reference benchmark to results/neuro.zip, so that others can add tasks
# make claims         run the benchmarks of the claims and judge them, into results/claims
# make test           run the tests
# make test-neurogym  run the tests of rnnbench-neurogym, in an environment of its own, .venv-neurogym
# make test-peers     compare learning rules with avalanche-lib, and check exported metadata with the validator of
#                     RO-Crate, in .venv-peers
# make test-slurm     test rnnbench-slurm with a real Slurm of one node, if its programs are installed
# make speed          compare the training speed with that of other implementations, into results/speed
# make lint           check style, types and the direction of imports

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# rnnbench-neurogym has an environment of its own, because neurogym needs numpy 2.2 and the others use the newest.
PLUGINS := $(filter-out plugins/rnnbench-neurogym,$(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
READY := $(VENV)/.ready

.PHONY: setup run archive claims test test-neurogym test-peers test-slurm speed lint clean

setup: $(READY)

# torch is installed first, because its pinned version determines which builds of other packages fit.
$(READY): pyproject.toml $(PLUGINS:=/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit("rnnbench needs Python 3.11 or newer, and this is " + sys.version.split()[0] + "; try make PYTHON=python3.12") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[pinned,test]' $(foreach p,$(PLUGINS),-e ./$(p))
	@touch $(READY)

run: setup
	$(BIN)/python -m rnnbench run benchmarks/neuro.yaml

# The results of the reference benchmark as one file to send, to which others can add tasks (rnnbench extend).
archive: run
	$(BIN)/python -m rnnbench export results/neuro results/neuro.zip --weights first-tasks --licence CC-BY-4.0 --force

claims: setup
	for file in benchmarks/claims/*.yaml; do $(BIN)/python -m rnnbench run $$file || exit 1; done
	$(BIN)/python -m rnnbench claims

test: setup
	$(BIN)/python -m pytest -n auto --dist loadscope

NEUROGYM := .venv-neurogym

$(NEUROGYM)/.ready: pyproject.toml plugins/rnnbench-neurogym/pyproject.toml
	$(PYTHON) -m venv $(NEUROGYM)
	$(NEUROGYM)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(NEUROGYM)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[pinned]' -e './plugins/rnnbench-neurogym[test]'
	@touch $@

test-neurogym: $(NEUROGYM)/.ready
	$(NEUROGYM)/bin/python -m pytest plugins/rnnbench-neurogym/tests

PEERS := .venv-peers

# avalanche-lib is installed without its dependencies: image models, loggers and a torchvision that fits few builds of
# torch. The packages that its rules import are listed here; the tests replace the others by empty modules.
$(PEERS)/.ready: pyproject.toml plugins/rnnbench-rules/pyproject.toml
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[pinned]' -e ./plugins/rnnbench-neuro -e './plugins/rnnbench-rules[test]'
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps avalanche-lib==0.6.0
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check scikit-learn matplotlib psutil tqdm quadprog dill qpsolvers tensorboard gputil gdown torchmetrics rocrate roc-validator
	@touch $@

test-peers: $(PEERS)/.ready
	$(PEERS)/bin/python -m pytest plugins/rnnbench-rules/tests/peers tests/results/exchange/test_crate_validator.py

# Packages on Debian: slurmctld slurmd slurm-client slurm-wlm-basic-plugins. Without them the tests are skipped. Two
# longer scenarios are run with -m 'cluster and slow'.
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
