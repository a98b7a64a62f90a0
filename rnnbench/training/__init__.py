"""Training: draws trials, trains populations of networks on one task, and stores the cells they become."""
