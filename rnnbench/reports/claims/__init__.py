"""The claims that rnnbench tests, one a module, and the one rule (`verdict`) by which results decide them."""
