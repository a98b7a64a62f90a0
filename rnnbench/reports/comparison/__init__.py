"""Comparison of results folders from different labs, as distributions over seeds. No plugin is imported."""
