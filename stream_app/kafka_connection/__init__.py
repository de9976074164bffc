"""How every Kafka client of ours reads: record batches that stop no reader."""
