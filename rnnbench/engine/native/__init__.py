"""The time loop of the vanilla rate RNN in C++: optional, and equal to the loop in torch up to rounding.

`rate_rnn.cpp` computes a forward and a backward pass. `build` compiles it on the machine where it is used and caches
the library. `kernel` calls it. See docs/engine.md.
"""
