"""How to reach the cluster, as one value: each client library takes its arguments from it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from stream_app.errors import SettingsError
from stream_app.kafka_connection.addresses import kafka_servers
from stream_app.kafka_connection.oauth import Tokens
from stream_app.kafka_connection.tls import Tls

MAX_INFLATED_BYTES = 32 * 1024 * 1024
"""A producer fills a batch of ``max.request.size`` (1 MiB unless set) before it compresses it: a sound batch is far
below."""

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


@dataclass(frozen=True)
class Sasl:
    """Who we are. For OAUTHBEARER ``username`` and ``password`` are client id and secret, taken to ``token_url``."""

    mechanism: Mechanism
    username: str
    password: str = field(repr=False)
    token_url: str | None = None
    token_scope: str | None = None


@dataclass(frozen=True)
class KafkaConnection:
    """Addresses (HOST:PORT, separated by commas), TLS and SASL; None for without. Shown, it is its addresses.

    What is read of it: a compressed batch that inflates to more than ``max_inflated_bytes`` is given up as unreadable.
    """

    bootstrap: str
    tls: Tls | None = None
    sasl: Sasl | None = None
    max_inflated_bytes: int = MAX_INFLATED_BYTES

    def __post_init__(self) -> None:
        """Raises SettingsError for what is no address."""
        try:
            kafka_servers(self.bootstrap)
        except ValueError as fault:
            raise SettingsError(f"{fault}.", kept="Nothing was started.") from None

    def __str__(self) -> str:
        return self.bootstrap

    @property
    def servers(self) -> list[str]:
        return kafka_servers(self.bootstrap)

    @property
    def security_protocol(self) -> str:
        """Kafka's name of it: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
        return ("SASL_" if self.sasl else "") + ("SSL" if self.tls else "PLAINTEXT")

    @property
    def principal(self) -> str:
        """What the cluster's rights are granted to, unless the cluster maps names: ``User:scorer``."""
        if self.sasl:
            return f"User:{self.sasl.username}"
        return f"User:{(self.tls and self.tls.subject()) or 'ANONYMOUS'}"

    @cached_property
    def _context(self) -> Any:
        return self.tls.context() if self.tls else None

    @cached_property
    def tokens(self) -> Tokens | None:
        """One for the whole process, so that every client shares a token."""
        sasl = self.sasl
        if sasl is None or sasl.token_url is None:
            return None
        trusted = self.tls.context if self.tls else ssl.create_default_context
        return Tokens(sasl.token_url, sasl.username, sasl.password, sasl.token_scope, context=trusted)

    def for_aiokafka(self) -> dict[str, Any]:
        """Keyword arguments of any aiokafka client."""
        return self._arguments(self.tokens and self.tokens.for_aiokafka())

    def for_kafka_python(self) -> dict[str, Any]:
        """Keyword arguments of any kafka-python client."""
        return self._arguments(self.tokens and self.tokens.for_kafka_python())

    def _arguments(self, token_provider: Any) -> dict[str, Any]:
        """Both libraries name them alike, and differ in how they ask for a token."""
        arguments: dict[str, Any] = {"bootstrap_servers": self.servers, "security_protocol": self.security_protocol}
        if self.tls:
            arguments["ssl_context"] = self._context
        if self.sasl:
            arguments["sasl_mechanism"] = self.sasl.mechanism
            if token_provider:
                arguments["sasl_oauth_token_provider"] = token_provider
            else:
                arguments |= {"sasl_plain_username": self.sasl.username, "sasl_plain_password": self.sasl.password}
        return arguments
