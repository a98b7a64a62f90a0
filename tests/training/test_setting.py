"""The plugins of a setting are built once, and each description has its own."""

from __future__ import annotations

from collections import Counter

from rnnbench.benchmark.cells import cells_of
from rnnbench.benchmark.schema import ArchitectureSpec, RuleSpec
from rnnbench.execution.prepare import prepare
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.plugin.registry import Registry, installed
from rnnbench.training.setting import Setting, Settings

DESCRIPTION = {
    "name": "built-once",
    "tasks": ["fixed_points", {"use": "flip_flop", "training": {"learning_rate": 0.5}}],
    "architectures": [{"use": "vanilla_rnn", "units": 8, "sweep": {"g": [0.5, 1.0]}}],
    "rules": [{"use": "gradient_descent", "learning_rate": 0.1}],
    "seeds": 3,
}


def test_preparing_a_run_builds_each_plugin_once(monkeypatch, tmp_path):
    built: Counter[tuple[str, str]] = Counter()
    build = Registry.build

    def counted(self, kind, plugin_id, parameters):
        built[kind, str(sorted(parameters.items()))] += 1
        return build(self, kind, plugin_id, parameters)

    benchmark = load_benchmark(DESCRIPTION)
    monkeypatch.setattr(Registry, "build", counted)
    found = prepare(benchmark, tmp_path, workers=1, device="cpu").plan
    assert found.n_cells == 3 * 2 * (2 + 4)
    assert set(built.values()) == {1}
    # A rule for each learning rate.
    assert Counter(kind for kind, _ in built) == {"task": 2, "architecture": 2, "rule": 2}


def test_a_task_with_its_own_learning_rate_has_its_own_rule():
    setting = Setting(load_benchmark(DESCRIPTION), installed())
    rates = {cell.task.label: setting.rule(cell.rule.on(cell.task.training)) for cell in cells_of(setting.benchmark)}
    assert {label: rule.learning_rate for label, rule in rates.items()} == {"fixed_points": 0.1, "flip_flop": 0.5}
    assert rates["flip_flop"] is setting.rule(
        setting.benchmark.rules[0].on(setting.benchmark.task("flip_flop").training)
    )


def test_an_architecture_and_a_rule_of_one_name_are_two(make_plugin, task_source):
    """Their ids and parameters are the same; they are told apart by their kind."""
    make_plugin(
        "twins",
        "from rnnbench import GradientDescent, VanillaRNN, hookimpl\n"
        "class Net(VanillaRNN):\n    name = 'twin'\n"
        "class Rule(GradientDescent):\n    name = 'twin'\n"
        "@hookimpl\ndef rnnbench_architectures():\n    return [Net]\n"
        "@hookimpl\ndef rnnbench_rules():\n    return [Rule]\n",
    )
    setting = Setting(load_benchmark(DESCRIPTION), installed())
    net = setting.architecture(ArchitectureSpec(label="a", plugin="twin@1", parameters={}))
    rule = setting.rule(RuleSpec(label="r", plugin="twin@1", parameters={}))
    assert type(net).__name__ == "Net" and type(rule).__name__ == "Rule"


def test_settings_of_conditions_are_kept_apart():
    described = {
        "name": "two-conditions",
        "tasks": ["fixed_points", {"use": "fixed_points", "label": "other"}],
        "architectures": [{"use": "vanilla_rnn", "units": 8}],
        "conditions": {"drive": [0.1, 0.5]},
    }
    settings = Settings(installed())
    one, two = map(settings.of, load_benchmark(described).settings)
    assert one is not two and [s.tasks["other"].drive for s in (one, two)] == [0.1, 0.5]
    assert settings.of(one.benchmark) is one
