"""Results as one page that opens without a network: matrices, curves, verdicts, methods, provenance."""
