"""The dashboards, as code. ``python -m monitoring.grafana`` writes the JSON files that Grafana loads.

Needs grafana-foundation-sdk, of the test lock only: nothing that runs in production imports this package.
"""
