"""What the product promises in figures, measured; docs/explanation/benchmarks.md explains: ``python -m benchmarks --help``."""
