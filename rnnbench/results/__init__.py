"""Results: the store of cells, the tables computed from them, and reading, checking and exchanging them."""
