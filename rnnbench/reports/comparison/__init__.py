"""Whether labs found the same: results folders compared as distributions over seeds. No plugin is imported."""
