"""Prometheus series of the monitor: its own counters, and the gauges of closed windows."""
