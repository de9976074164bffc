"""Decides which windows are due and closes them; how windows lie in event time is in :mod:`monitoring.event_time`."""
