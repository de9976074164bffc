"""The steps of the pipeline, one module each: decode, enrich, deduplicate, score, decide, encode."""
