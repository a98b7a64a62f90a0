"""What a trained network does and what learning did to it: fixed points, modes of learning, weight updates."""
