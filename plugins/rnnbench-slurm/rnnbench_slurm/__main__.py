"""Prints the template of the batch script, for a lab to edit and name with `--set template=FILE`."""

from rnnbench_slurm.script import TEMPLATE

print(TEMPLATE.read_text(encoding="utf-8"), end="")
