"""Fitting: rows, hold-out, booster, calibration, and the bundle's reference, contract and card."""
