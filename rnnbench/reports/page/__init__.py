"""Results as one self-contained HTML page: matrices, curves, verdicts, methods and provenance."""
