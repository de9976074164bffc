"""The settings that several roles have: how the cluster is reached, the bundle, and the times a worker waits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

import pydantic
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from models.origin import Origin, public_key
from stream_app.formats.settings import FormatSettings
from stream_app.setting_errors import PREFIX


def _file_or_redis(value: str) -> str:
    """An address is judged by its scheme alone; the rest may hold a password, which no text repeats."""
    scheme, separator, _ = value.partition("://")
    if not value or (separator and scheme not in ("redis", "rediss")):
        raise ValueError("must be an SQLite file or redis://HOST:PORT/NUMBER")
    return value


Clients = Annotated[
    str,
    pydantic.AfterValidator(_file_or_redis),
    Field(description="client store: an SQLite file, or redis://[USER:PASSWORD@]HOST:PORT/NUMBER"),
]


PseudonymKeyFile = Annotated[
    Path | None,
    Field(
        description="file with a secret of 32 bytes or more: the decision store gets pseudonyms, keyed hashes, for "
        "client and request ids; the same for monitor, gateway and `stream-app person`"
    ),
]


HEARTBEAT_SECONDS = 2.0


class StreamSettings(FormatSettings):
    """What the scorer and the monitor have in common. Sizes in bytes or records, times in seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    topic_prefix: str = Field("", description="put before every topic name, e.g. `test.`")
    bundle: Path | None = Field(None, description="model bundle folder; unset: the shipped one")
    bundle_public_key: str | None = Field(
        None, description="minisign public key, or a file with it: only a bundle that this key signed is used"
    )
    bundle_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        None, description="only the bundle whose `manifest.json` has this SHA-256 is used"
    )
    web_host: str = Field("127.0.0.1", description="address of /metrics, /live and /ready")
    max_poll_records: Annotated[int, Field(ge=1, le=50_000)] = Field(2048, description="records handled in one batch")
    fetch_max_wait_seconds: Annotated[float, Field(gt=0, le=10)] = Field(
        0.5, description="how long a broker may hold an empty fetch; 0.005 on Tansu, which always waits it out"
    )
    session_timeout_seconds: Annotated[float, Field(ge=1)] = Field(
        6.0, description="after this long without a heartbeat a worker's partitions go to the others"
    )
    rebalance_timeout_seconds: Annotated[float, Field(ge=1)] = Field(
        20.0, description="how long a rebalance waits for a member; Tansu always waits it out: 3 there"
    )
    delivery_timeout_seconds: Annotated[float, Field(ge=1)] = Field(
        60.0, description="a batch not delivered, or a commit not taken, by then ends the process, uncommitted"
    )
    broker_wait_seconds: Annotated[float, Field(ge=0)] = Field(
        30.0, description="how long to wait for the broker and its topics at start; 0: one attempt"
    )
    stall_seconds: Annotated[float, Field(ge=1)] = Field(
        30.0, description="not ready when there is lag and no commit for this long"
    )
    exit_after_stall_seconds: Annotated[float, Field(ge=0)] = Field(
        120.0,
        description="the process ends, uncommitted, when a scorer has lag and commits nothing, or the event loop "
        "stands still, for this long; 0: never",
    )
    tracing: bool = Field(
        False, description="send OpenTelemetry spans as the `OTEL_*` variables state; needs the extra `otel`"
    )
    on_lost_records: Literal["go_on", "stop"] = Field(
        "go_on",
        description="when records were deleted before they were read, or a topic was made anew: go_on counts them and "
        "reads on at the first record there is; stop ends the process with status 15",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")

    @pydantic.model_validator(mode="after")
    def _stalls_last(self) -> Self:
        """Every wait that has an end of its own ends before the watchdog's, and says better what was waited for."""
        if self.exit_after_stall_seconds and self.exit_after_stall_seconds <= self.longest_wait_seconds:
            raise ValueError(
                "STREAM_APP_EXIT_AFTER_STALL_SECONDS: must be 0 or more than both stall_seconds and what a batch may "
                f"wait for its clients and its delivery, {self.longest_wait_seconds:g}"
            )
        return self

    @pydantic.field_validator("bundle_public_key")
    @classmethod
    def _a_public_key(cls, value: str | None) -> str | None:
        if value is not None:
            public_key(value)
        return value

    @property
    def origin(self) -> Origin:
        """What the bundle has to prove."""
        return Origin(public_key(self.bundle_public_key) if self.bundle_public_key else None, self.bundle_sha256)

    @property
    def longest_wait_seconds(self) -> float:
        """For how long at most a sound worker commits nothing though there is lag."""
        return max(self.stall_seconds, self.delivery_timeout_seconds)

    @property
    def heartbeat_seconds(self) -> float:
        """A third of the session timeout at most; a member learns of a rebalance by its next heartbeat."""
        return min(self.session_timeout_seconds / 3, HEARTBEAT_SECONDS)
