"""The trade-off between keeping old tasks and learning new ones, for each learning rule."""
