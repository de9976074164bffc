"""Closed windows as text: tables for a terminal and the words of a verdict."""
