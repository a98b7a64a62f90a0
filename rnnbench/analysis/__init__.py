"""Analysis of trained networks and of what learning changed: fixed points, modes of learning, weight updates."""
