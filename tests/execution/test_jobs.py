"""Bundles of jobs: each job is in one bundle, bundles take about the same time, and files are read back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from rnnbench.errors import RnnbenchError
from rnnbench.execution.jobs import bundled, read_bundle, write_bundles
from rnnbench.plugin.executor import Job


def jobs(seconds: list[float]) -> list[Job]:
    return [Job((f"c{k}",), frozenset(), frozenset(), 1, s, f'["order {k}"]') for k, s in enumerate(seconds)]


COSTS = st.lists(st.one_of(st.floats(0.01, 1000), st.just(math.nan)), min_size=1, max_size=60)


@given(COSTS, st.floats(1, 500), st.integers(1, 20))
def test_every_job_is_in_one_bundle(seconds, target, at_most):
    bundles = bundled(jobs(seconds), target, at_most)
    assert sorted(job.order for bundle in bundles for job in bundle) == sorted(j.order for j in jobs(seconds))
    assert len(bundles) <= at_most and all(bundles)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40), st.floats(1, 100))
def test_no_bundle_is_longer_than_the_mean_and_its_longest_job(seconds, target):
    """Graham's bound for any list schedule: makespan <= total / m + (1 - 1 / m) longest."""
    bundles = bundled(jobs(seconds), target, 1000)
    m = len(bundles)
    longest = max(sum(job.seconds for job in bundle) for bundle in bundles)
    assert longest <= sum(seconds) / m + (1 - 1 / m) * max(seconds) + 1e-6


def test_bundles_take_about_the_given_time():
    rng = np.random.default_rng(0)
    bundles = bundled(jobs(list(rng.uniform(1, 5, 400))), 60, 10_000)
    loads = [sum(job.seconds for job in bundle) for bundle in bundles]
    assert min(loads) > 50 and max(loads) <= 61


def test_bundles_are_read_back_as_they_were_written(tmp_path):
    path = tmp_path / "stage-1.jobs"
    bundles = bundled(jobs([1.0, 2.0, 3.0]), 3, 10)
    write_bundles(path, bundles)
    for k, bundle in enumerate(bundles):
        read = read_bundle(path, k)
        assert [(j.cells, j.stage, j.order) for j in read] == [(j.cells, j.stage, j.order) for j in bundle]


@pytest.mark.parametrize("content", ["", "not json\n", "[1]\n", '[{"cells": []}]\n', "{}\n" * 0 + "null\n"])
def test_the_error_for_a_file_without_bundles_is_one_line(tmp_path, content):
    (tmp_path / "x.jobs").write_text(content)
    with pytest.raises(RnnbenchError, match=r"x\.jobs: ") as caught:
        read_bundle(tmp_path / "x.jobs", 0)
    assert len(str(caught.value).splitlines()) == 1
