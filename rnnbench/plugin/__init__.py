"""The plugin interface: contracts, hooks, registry, and the templates of new plugin packages."""
