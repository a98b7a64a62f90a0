"""Mean-field theory of learning restricted to two patterns, with which the reference network is compared."""
