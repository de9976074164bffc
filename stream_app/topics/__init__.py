"""The topics: their names, how they are created, and the check that they fit together and fit what flows.

Output partition = input partition, so five of the six must have the same number of partitions; only the topic of client
profiles may have another. Imports no Kafka client until a function is called.

``names`` and ``specs`` say what there should be, ``create`` makes what is missing, ``check`` asks the broker what there
is, ``fit`` judges each topic's settings, ``growth`` says what added partitions mean, ``kafka_commands`` says in the
words of Kafka's own tools what mends them, ``rights`` is who may do what with the topics.
"""

from stream_app.kafka_admin import wait_for_broker
from stream_app.topics.check import check_topics, count_partitions, require_topic, topic_warnings
from stream_app.topics.create import create_topics
from stream_app.topics.growth import PartitionCounts
from stream_app.topics.names import TopicNames
from stream_app.topics.rights import rights_by_role
from stream_app.topics.specs import BATCH_BYTES, OUTPUT_BATCH_BYTES, TopicSpec, roles, topic_specs

__all__ = [
    "BATCH_BYTES",
    "OUTPUT_BATCH_BYTES",
    "PartitionCounts",
    "TopicNames",
    "TopicSpec",
    "check_topics",
    "count_partitions",
    "create_topics",
    "require_topic",
    "rights_by_role",
    "roles",
    "topic_specs",
    "topic_warnings",
    "wait_for_broker",
]
