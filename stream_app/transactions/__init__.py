"""Kafka's transactions, version 2 (KIP-890), with the consumer group's generation in the offset commit (KIP-447).

aiokafka has the connections; kafka-python has the messages, generated from Kafka's own schemas. Between the two there
is what neither has: every transaction under an epoch of its own, so that a request that arrives late is refused. The
package knows nothing of loans: others could take it as it is.
"""
