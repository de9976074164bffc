"""The settings of a Kafka connection: variables, secrets in files, and a ``client.properties`` as Java clients take it.

A variable counts before the properties file. What is wrong is listed at once; no text repeats a secret.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pydantic
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from stream_app.kafka_connection.addresses import kafka_servers
from stream_app.kafka_connection.connection import MAX_INFLATED_BYTES, KafkaConnection, Mechanism, Sasl
from stream_app.kafka_connection.properties import properties_settings
from stream_app.kafka_connection.tls import Tls

Security = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]


class KafkaSettings(BaseSettings):
    """How the cluster is reached. A secret comes from its variable, or from the file that ``..._FILE`` names."""

    model_config = SettingsConfigDict(env_prefix="STREAM_APP_", frozen=True, extra="ignore")

    kafka: str = Field("127.0.0.1:9092", description="bootstrap servers, HOST:PORT separated by commas")
    kafka_properties: Path | None = Field(
        None, description="a client.properties file as Java clients take it; variables count before it"
    )
    kafka_security: Security = Field("PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
    kafka_ca: Path | None = Field(
        None, description="certificates of the authorities to trust, PEM or PKCS12; unset: the system's"
    )
    kafka_ca_password: SecretStr | None = Field(None, description="opens the PKCS12 file of the authorities")
    kafka_ca_password_file: Path | None = Field(None, description="file with that password")
    kafka_certificate: Path | None = Field(None, description="our client certificate with its chain, PEM or PKCS12")
    kafka_key: Path | None = Field(None, description="its key as PEM; unset: the certificate's file holds it")
    kafka_key_password: SecretStr | None = Field(None, description="opens the key or the PKCS12 file")
    kafka_key_password_file: Path | None = Field(None, description="file with that password")
    kafka_check_hostname: bool = Field(True, description="false: any host with a trusted certificate will do")
    kafka_sasl: Mechanism = Field("SCRAM-SHA-512", description="PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER")
    kafka_username: str | None = Field(None, description="SASL user name; OAUTHBEARER: client id")
    kafka_password: SecretStr | None = Field(None, description="SASL password; OAUTHBEARER: client secret")
    kafka_password_file: Path | None = Field(None, description="file with that password or secret")
    kafka_token_url: str | None = Field(None, description="OAUTHBEARER: the token endpoint, http:// or https://")
    kafka_token_scope: str | None = Field(None, description="OAUTHBEARER: scope to ask for")
    kafka_plaintext_credentials: bool = Field(
        False, description="true: send credentials though nothing encrypts them (SASL_PLAINTEXT, a token URL with http)"
    )
    kafka_max_inflated_bytes: int = Field(
        MAX_INFLATED_BYTES,
        ge=65_536,
        description="a compressed batch of records that inflates to more is not read: its records are rejected as "
        "unreadable",
    )

    @pydantic.model_validator(mode="before")
    @classmethod
    def _with_properties_and_files(cls, given: dict[str, Any]) -> dict[str, Any]:
        path = given.get("kafka_properties")
        settings = (properties_settings(Path(path)) if path else {}) | given
        for secret in ("kafka_ca_password", "kafka_key_password", "kafka_password"):
            if settings.get(f"{secret}_file") and given.get(secret) is None:
                settings[secret] = secret_in(Path(settings[f"{secret}_file"]))
        return settings

    @pydantic.field_validator("kafka")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        return ",".join(kafka_servers(value))

    @pydantic.field_validator("kafka_security", "kafka_sasl", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @pydantic.field_validator("kafka_token_url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value

    @pydantic.model_validator(mode="after")
    def _complete(self) -> KafkaSettings:
        if problems := list(self._problems()):
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> Any:
        if self.kafka_key and not self.kafka_certificate:
            yield "STREAM_APP_KAFKA_KEY needs STREAM_APP_KAFKA_CERTIFICATE"
        if not self.kafka_security.endswith("SSL"):
            for name in ("kafka_ca", "kafka_certificate"):
                if getattr(self, name):
                    yield f"STREAM_APP_{name.upper()} needs STREAM_APP_KAFKA_SECURITY=SSL (or SASL_SSL)"
        if not self.kafka_security.startswith("SASL"):
            for name in ("kafka_username", "kafka_password"):
                if getattr(self, name):
                    yield f"STREAM_APP_{name.upper()} needs STREAM_APP_KAFKA_SECURITY=SASL_SSL (or SASL_PLAINTEXT)"
            return
        if not self.kafka_username or self.kafka_password is None:
            yield "SASL needs STREAM_APP_KAFKA_USERNAME and STREAM_APP_KAFKA_PASSWORD (or ..._PASSWORD_FILE)"
        if self.kafka_sasl == "OAUTHBEARER" and not self.kafka_token_url:
            yield "OAUTHBEARER needs STREAM_APP_KAFKA_TOKEN_URL"
        clear = self.kafka_security == "SASL_PLAINTEXT" or (self.kafka_token_url or "").startswith("http://")
        if clear and not self.kafka_plaintext_credentials:
            yield (
                "credentials would travel in clear text: use SASL_SSL (and https for a token URL), or set "
                "STREAM_APP_KAFKA_PLAINTEXT_CREDENTIALS=true where nobody can listen"
            )

    @cached_property
    def connection(self) -> KafkaConnection:
        """The connection of these settings."""
        return KafkaConnection(self.kafka, self._tls(), self._sasl(), self.kafka_max_inflated_bytes)

    def _tls(self) -> Tls | None:
        if not self.kafka_security.endswith("SSL"):
            return None
        return Tls(
            authorities=self.kafka_ca,
            authorities_password=_shown(self.kafka_ca_password),
            certificate=self.kafka_certificate,
            key=self.kafka_key,
            key_password=_shown(self.kafka_key_password),
            check_hostname=self.kafka_check_hostname,
        )

    def _sasl(self) -> Sasl | None:
        if not self.kafka_security.startswith("SASL"):
            return None
        token_url = self.kafka_token_url if self.kafka_sasl == "OAUTHBEARER" else None
        password = _shown(self.kafka_password) or ""
        return Sasl(self.kafka_sasl, self.kafka_username or "", password, token_url, self.kafka_token_scope)


def _shown(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def secret_in(path: Path) -> str:
    """The file's first line: editors end a file with a line break that is no part of a password."""
    try:
        return path.read_text().splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError) as fault:
        raise ValueError(f"{path.absolute()} holds no readable secret ({type(fault).__name__})") from None
