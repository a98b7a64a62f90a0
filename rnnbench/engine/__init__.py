"""Population forward and backward: hand-written for rate RNNs, by autograd and vmap for the rest."""
