"""The pure steps of a decision: decode, once, enrich, score, decide, encode."""
