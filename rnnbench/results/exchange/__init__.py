"""Results sent and received: one file with all that another lab needs, and nothing that concerns nobody else."""
