"""The embedded broker: starts a real Apache Kafka, or Tansu where Java or Kafka's jars are missing, and stops it.

Both run as a child process on free loopback ports. The process and its temporary folder are gone when the parent has
ended, in whatever way. Measured on two idle cores, start to first metadata answer: Apache Kafka 1.8 s (2.5 s of
processor time), Tansu 0.1 s; end: 0.4 s and 0.01 s.
"""

from stream_app.broker.process import Broker, Engine
from stream_app.broker.start import Choice, start_broker

__all__ = ["Broker", "Choice", "Engine", "start_broker"]
