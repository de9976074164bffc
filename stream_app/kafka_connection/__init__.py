"""How every Kafka client reaches its cluster and reads from it: one value, made once from the settings.

``connection`` is the value, :class:`~stream_app.kafka_connection.connection.KafkaConnection`, and what each client
library takes of it; ``settings`` the variables and the ``client.properties`` it is made from; ``tls`` and ``oauth``
what is renewed while a process runs; ``diagnosis`` why a broker cannot be reached. ``record_batches`` stops no reader,
whatever a batch holds. Nothing is imported here, since the command line checks addresses with this package.
"""
