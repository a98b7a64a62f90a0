"""Prints the template of the batch script, which a lab can edit and pass with `--set template=FILE`."""

from rnnbench_slurm.script import TEMPLATE

print(TEMPLATE.read_text(encoding="utf-8"), end="")
