"""The format of each topic where one of them at least is Avro."""

from __future__ import annotations

from models.contract import Contract
from stream_app.formats.avro_format import Avro
from stream_app.formats.avro_records import AvroRecords, avro_decisions, avro_outcomes, avro_requests
from stream_app.formats.format import Format
from stream_app.formats.json_format import JSON
from stream_app.formats.registry import SchemaRegistry
from stream_app.formats.settings import FormatName, FormatSettings
from stream_app.kafka_connection.tls import Tls
from stream_app.topics import TopicNames


def formats_of(
    settings: FormatSettings, topics: TopicNames, contract: Contract
) -> tuple[Format, Format, Format, SchemaRegistry]:
    """Of requests, decisions and outcomes, and the registry. Raises SettingsError for a file of certificates."""
    registry = _registry(settings)

    def of_topic(name: FormatName, topic: str, records: AvroRecords) -> Format:
        return Avro(registry, f"{topic}-value", records) if name == "avro" else JSON

    return (
        of_topic(settings.format_requests, topics.requests, avro_requests(contract)),
        of_topic(settings.format_decisions, topics.decisions, avro_decisions(contract)),
        of_topic(settings.format_outcomes, topics.outcomes, avro_outcomes()),
        registry,
    )


def _registry(settings: FormatSettings) -> SchemaRegistry:
    password = settings.registry_password
    login = (settings.registry_username or "", password.get_secret_value()) if password else None
    trusted = Tls(authorities=settings.registry_ca)
    return SchemaRegistry(settings.registry or "", login, trusted.context, registers=settings.registry_register)
