"""What a benchmark is: its resolved description and its cells."""
