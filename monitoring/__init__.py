"""The monitor: stores decisions and labels, closes windows of event time, measures their drift and performance."""
