"""Runs benchmarks: plans a run, has its jobs computed by an executor, and writes tables and figures."""
