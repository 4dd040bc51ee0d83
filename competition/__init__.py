"""What is competed on: spec, catalog, sources, splits, bundle, vault and doctor."""
