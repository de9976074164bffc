"""Rows of a user's table as records: requests, profiles, labels."""
