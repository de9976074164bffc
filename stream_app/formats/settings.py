"""The settings of the topics' formats and of the schema registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pydantic
from pydantic import Field, SecretStr

from stream_app.kafka_connection.settings import KafkaSettings, secret_in

FormatName = Literal["json", "avro"]


class FormatSettings(KafkaSettings):
    """How the records are written. Avro is read and written by schemas from a registry."""

    format_requests: FormatName = Field("json", description="format of loan.requests: json or avro")
    format_decisions: FormatName = Field("json", description="format of loan.decisions: json or avro")
    format_outcomes: FormatName = Field("json", description="format of loan.outcomes: json or avro")
    registry: str | None = Field(
        None,
        description="schema registry that speaks Confluent's API, http:// or https://, up to where its paths begin",
    )
    registry_username: str | None = Field(None, description="user name at the registry; unset: none is given")
    registry_password: SecretStr | None = Field(None, description="password at the registry")
    registry_password_file: Path | None = Field(None, description="file with that password")
    registry_ca: Path | None = Field(
        None,
        description="certificates of the registry's authorities, PEM or PKCS12 without password; unset: the system's",
    )
    registry_register: bool = Field(
        True, description="false: schemas are only read; those of what we write must be registered before"
    )
    registry_plaintext_credentials: bool = Field(
        False, description="true: send the password though the registry's address is http://"
    )

    @pydantic.model_validator(mode="before")
    @classmethod
    def _with_registry_password(cls, given: dict[str, Any]) -> dict[str, Any]:
        path = given.get("registry_password_file")
        if path and given.get("registry_password") is None:
            return given | {"registry_password": secret_in(Path(path))}
        return given

    @pydantic.field_validator("registry")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        if value is not None and "@" in value:
            raise ValueError("must hold no password: there are STREAM_APP_REGISTRY_USERNAME and ..._PASSWORD")
        return value

    @pydantic.model_validator(mode="after")
    def _registry_complete(self) -> FormatSettings:
        if problems := list(self._registry_problems()):
            raise ValueError("; ".join(problems))
        return self

    @property
    def uses_avro(self) -> bool:
        return "avro" in (self.format_requests, self.format_decisions, self.format_outcomes)

    def _registry_problems(self) -> Any:
        if self.uses_avro and not self.registry:
            yield "Avro needs STREAM_APP_REGISTRY"
        if (self.registry_username is None) != (self.registry_password is None):
            yield "STREAM_APP_REGISTRY_USERNAME and STREAM_APP_REGISTRY_PASSWORD (or ..._PASSWORD_FILE) go together"
        in_clear = (self.registry or "").startswith("http://") and not self.registry_plaintext_credentials
        if self.registry_password is not None and in_clear:
            yield (
                "the registry's password would travel in clear text: use https, or set "
                "STREAM_APP_REGISTRY_PLAINTEXT_CREDENTIALS=true where nobody can listen"
            )
