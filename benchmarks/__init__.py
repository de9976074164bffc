"""What the product promises in figures, measured: ``python -m benchmarks --help``; explained in docs/explanation/benchmarks.md."""
