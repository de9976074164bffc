"""The four pure steps of a decision: decode, enrich, score, decide."""
