"""Statistics of a window against the reference: pure functions on columns."""
