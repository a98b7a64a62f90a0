"""Rules that store trials of earlier tasks and train on them again."""

from rnnbench import LearningRule
from rnnbench_rules.replay.der_pp import DarkExperienceReplay
from rnnbench_rules.replay.reservoir_replay import ReservoirReplay
from rnnbench_rules.replay.ring_replay import RingReplay

RULES: list[type[LearningRule]] = [ReservoirReplay, RingReplay, DarkExperienceReplay]
