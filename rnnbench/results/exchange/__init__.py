"""Exchange of results: one file with everything that another lab needs and nothing private."""
