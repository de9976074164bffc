"""What the product promises in figures, measured: ``python -m benchmarks``; see docs/explanation/benchmarks.md."""
