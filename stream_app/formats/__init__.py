"""Formats of the topics' values: JSON, or Avro with a schema registry; the settings choose one for each topic."""
