"""Theory that the reference network is held against: the mean-field model of learning restricted to two patterns."""
