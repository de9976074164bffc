"""Everything of our libraries that we rely on and that they do not document: what we replace, and what we use.

The one list of it: where a new version of Faust, mode, aiokafka, LightGBM or uvicorn moved something, look here.
"""

from __future__ import annotations

OVERRIDES: dict[str, tuple[str, dict[str, str | None]]] = {
    "stream_app.transport.app:BatchApp": (
        "faust.app.base:App",
        {
            "_crash": "self reason",
            "_create_directories": "self",
            "on_first_start": "self",
            "on_stop": "self",
        },
    ),
    "stream_app.transport.consumer:BatchConsumer": (
        "faust.transport.drivers.aiokafka:Consumer",
        {
            "_getmany": "self active_partitions timeout",
            "_new_consumer_thread": "self",
            "_read_offset": None,
            "_to_message": "self tp record",
            "_wait_next_records": "self timeout",
            "on_buffer_full": "self tp",
            "on_partitions_assigned": "self assigned generation_id",
            "on_partitions_revoked": "self revoked",
            "perform_seek": "self",
            "wait_empty": "self",
        },
    ),
    "stream_app.transport.batch_transport:BatchTransport": (
        "faust.transport.drivers.aiokafka:Transport",
        {
            "Consumer": "args kwargs",
        },
    ),
    "stream_app.transport.thread:BatchThread": (
        "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread",
        {
            "__post_init__": "self",
            "_create_worker_consumer": "self transport",
            "_fetch_records": "self consumer active_partitions timeout max_records",
            "on_thread_stop": "self",
        },
    ),
    "stream_app.transport.faust_workarounds:RecoveryWithoutTimeout": (
        "faust.tables.recovery:Recovery",
        {
            "_wait": "self coro timeout",
        },
    ),
    "stream_app.transport.faust_workarounds:TablesWithoutTimeout": (
        "faust.tables.manager:TableManager",
        {
            "_recovery": None,
            "recovery": None,
        },
    ),
    "stream_app.runtime.health_server:WebPages": (
        "mode.services:Service",
        {
            "on_stop": "self",
        },
    ),
    "stream_app.gateway.header_timeout:HeaderTimeoutProtocol": (
        "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol",
        {
            "_unsupported_upgrade_warning": "self",
            "connection_lost": "self exc",
            "connection_made": "self transport",
            "data_received": "self data",
            "on_headers_complete": "self",
            "on_message_begin": "self",
        },
    ),
}
"""By class of ours: the library's class it extends, and what it replaces: parameters of methods, None for the rest."""

FAUST_CONSUMER = "faust.transport.drivers.aiokafka:Consumer"
FAUST_THREAD = "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread"
FAUST_RECOVERY = "faust.tables.recovery:Recovery"
CONSUMER = "aiokafka.consumer.consumer:AIOKafkaConsumer"
PRODUCER = "aiokafka.producer.producer:AIOKafkaProducer"
PARTITION_STATE = "aiokafka.consumer.subscription_state:TopicPartitionState"

USED: dict[str, dict[str, tuple[str, ...]]] = {
    "stream_app/transport/consumer.py": {
        FAUST_CONSUMER: ("_thread", "_active_partitions"),
        FAUST_THREAD: ("_consumer",),
        FAUST_RECOVERY: ("_generation_id",),
    },
    "stream_app/transport/thread.py": {
        FAUST_THREAD: ("_consumer", "_ensure_consumer"),
        CONSUMER: ("_subscription", "_coordinator", "_client", "_fetcher", "_closed"),
        "aiokafka.consumer.group_coordinator:GroupCoordinator": (
            "_coordination_task",
            "_pending_exception",
            "_group_instance_id",
        ),
    },
    "stream_app/delivery/producer.py": {PRODUCER: ("_sender",)},
    "models/single_row.py": {
        "lightgbm.basic": ("_LIB",),
        "lightgbm.basic:Booster": ("_handle",),
        "ctypes:CDLL": ("_name",),
    },
}
"""By file of ours: the private names it uses, by whose they are."""

INTERNALS: dict[str, tuple[str, ...]] = {
    FAUST_CONSUMER: ("flow_active", "app", "transport"),
    FAUST_THREAD: ("call_thread", "getmany", "thread_loop"),
    FAUST_RECOVERY: ("signal_recovery_start",),
    "faust.app.base:App": (
        "consumer_generation_id",
        "tables",
        "add_runtime_dependency",
        "should_stop",
        "boot_strategy",
    ),
    "aiokafka.consumer.group_coordinator:GroupCoordinator": ("coordinator_id", "generation", "member_id", "group_id"),
    "aiokafka.consumer.group_coordinator": ("HeartbeatRequest",),
    "aiokafka.errors": ("kafka_errors",),
    "aiokafka.client:AIOKafkaClient": ("add_topic",),
    "aiokafka.consumer.fetcher:Fetcher": ("error_future",),
    "aiokafka.consumer.subscription_state:SubscriptionState": ("subscription",),
    "aiokafka.consumer.subscription_state:Assignment": ("tps", "state_value"),
    PARTITION_STATE: ("lso", "timestamp", "position", "has_valid_position"),
    PRODUCER: ("client",),
    "aiokafka.producer.sender": ("BACKOFF_OVERRIDE",),
    "aiokafka.consumer.fetcher": ("MemoryRecords",),
    "kafka.consumer.fetcher": ("MemoryRecords",),
    "kafka.net.sasl": ("get_sasl_mechanism",),
    "aiokafka.record.default_records:DefaultRecordBatch": ("validate_crc",),
    "aiokafka.record.memory_records:MemoryRecords": ("next_batch", "has_next", "size_in_bytes"),
    "aiokafka.record.util": ("decode_varint",),
    "aiokafka.producer.sender:Sender": ("sender_task",),
    "kafka.net.compat": ("KafkaNetClient",),
}
"""Names without an underscore that are no documented interface either, by whose they are."""

DOCUMENTED = {"_exit", "_current_frames", "_replace", "_fields", "_make", "_asdict"}
"""Of the standard library, documented in spite of their underscore."""
