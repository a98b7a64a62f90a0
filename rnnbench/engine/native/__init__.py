"""The time loop of the vanilla rate RNN as one C++ function: optional, compiled where it is used, the same to rounding.

`rate_rnn.cpp` is the mathematics, `build` compiles it once and keeps it, `kernel` calls it. docs/engine.md.
"""
