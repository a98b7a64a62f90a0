"""The claims that rnnbench tests, one module for each claim, and how results are judged on them."""
