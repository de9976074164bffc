"""Settings of each role: frozen, complete, checked at start with every problem listed at once.

Each comes from an environment variable ``STREAM_APP_<NAME>`` or from the option of the same name of
the role's command. What belongs to the model (features, thresholds) is not here: it
lives in the bundle.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import Field

from stream_app.errors import SettingsError
from stream_app.formats.settings import FormatSettings
from stream_app.setting_errors import invalid_setting, unknown_variables
from stream_app.stream_settings import Clients, PseudonymKeyFile, StreamSettings


class Readable(pydantic.BaseModel):
    """Settings that are read as a whole."""

    @classmethod
    def read(cls, **given: Any) -> Self:
        """Settings from the environment, overridden by what is ``given`` and not None.

        Raises SettingsError that lists every problem, misspelt variables among them.
        """
        problems = _misspelt()
        try:
            settings = cls(**{name: value for name, value in given.items() if value is not None})
        except pydantic.ValidationError as fault:
            problems += (invalid_setting(error, os.environ) for error in fault.errors())
        _refuse(problems)
        return settings

    @classmethod
    def read_or_exit(cls) -> Self:
        """For ``faust -A``, which would show a fault as a stack trace: one message and the same status instead."""
        try:
            return cls.read()
        except SettingsError as fault:
            sys.stderr.write(f"{fault}\n")
            sys.exit(fault.exit_status)


class ConnectionSettings(Readable, FormatSettings):
    """How to reach the cluster, for a command that needs no more; every role's settings begin with it."""


class WorkerSettings(Readable, StreamSettings):
    """One scorer's settings."""

    group: str = Field(
        "loan-scorer", min_length=1, description="consumer group; workers of one group share the partitions"
    )
    slot: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")] | None = Field(
        None,
        description="this worker's place in the group, another for each worker: started again in it, a worker takes "
        "its partitions back without a rebalance; unset: a place is made at each start",
    )
    guarantee: Literal["exactly_once", "at_least_once"] = Field(
        "exactly_once",
        description="exactly_once: one output a request for `read_committed` readers, needs transactions; "
        "at_least_once: answers sooner, after a crash some requests are decided again",
    )
    commit_interval_seconds: Annotated[float, Field(ge=0, le=10)] = Field(
        0.1,
        description="at_least_once: how long delivered batches wait to be committed together: after a crash this much "
        "time's requests are fetched again; 0 commits each batch",
    )
    remembered_ids: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        10_000,
        description="newest decided request ids that each partition remembers, so that a request sent again is not "
        "decided again; 0 remembers none",
    )
    remembered_seconds: Annotated[float, Field(gt=0)] = Field(
        86_400.0, description="age at which a decided request id is forgotten"
    )
    clients: Clients = "clients.db"
    clients_wait_seconds: Annotated[float, Field(ge=0)] = Field(
        30.0,
        description="how long a batch waits for a client store or schema registry that is away; then the process ends, "
        "uncommitted",
    )
    threads: Annotated[int, Field(ge=1, le=64)] = Field(1, description="threads of one prediction")
    web_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        6066, description="port of the scorer's pages; 0 takes a free one"
    )
    max_request_bytes: Annotated[int, Field(ge=256)] = Field(
        65_536, description="a larger request, key and headers included, is rejected unread"
    )
    mapping: Path | None = Field(
        None, description="mapping file of foreign requests (TOML); unset: all keep to the contract"
    )

    @property
    def longest_wait_seconds(self) -> float:
        """A batch may wait for its clients first, and for its delivery then."""
        return max(self.stall_seconds, self.clients_wait_seconds + self.delivery_timeout_seconds)


class MonitorSettings(Readable, StreamSettings):
    """The monitor's settings; windows and lateness are in event time."""

    monitor_group: str = Field("loan-monitor", min_length=1, description="the monitor's consumer group")
    monitor_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        6067, description="port of the monitor's pages; 0 takes a free one"
    )
    store: str = Field("decisions.db", description="decision store: an SQLite file, or a URL such as postgresql://...")
    pseudonym_key_file: PseudonymKeyFile = None
    reports: Path = Field(Path("reports"), description="folder of the Evidently reports")
    reports_kept: Annotated[int, Field(ge=0, le=10_000)] = Field(
        60, description="newest reports that stay in the folder; 0 makes none"
    )
    window: str = Field(
        "1d", description="length of a window: minutes, hours, days or calendar months (15min, 1d, 1mo)"
    )
    count_window: Annotated[int, Field(ge=0)] = Field(
        0, description="additional windows of this many decisions in order of arrival; 0 for none"
    )
    lateness_seconds: Annotated[float, Field(ge=0)] = Field(
        86_400.0, description="how much later than others of its partition a decision's request may be and still count"
    )
    ahead_seconds: float = Field(
        86_400.0,
        description="a request dated further in the future than this is kept out of the windows; negative to keep "
        "today's out where the past is replayed",
    )
    idle_seconds: Annotated[float, Field(gt=0)] = Field(
        60.0, description="a partition read to its end for this long no longer holds windows back"
    )
    revision_interval_seconds: Annotated[float, Field(ge=0)] = Field(
        60.0, description="least time between two revisions of a window on the drift topic, as late labels arrive"
    )
    min_window_rows: Annotated[int, Field(ge=30)] = Field(
        500, description="below this a window's verdict is too_few, never stable"
    )
    psi_floor: Annotated[float, Field(ge=0)] = Field(
        0.25, description="least PSI that is called drift however many rows there are"
    )
    false_alarm_rate: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        0.001, description="chance that a stable feature passes the sampling limit of its PSI in one window"
    )
    retention_days: Annotated[int, Field(ge=1)] = Field(
        1_830, description="decisions older than this, in event time, leave the store; window records stay"
    )


class GatewaySettings(Readable, StreamSettings):
    """The gateway's settings: HTTP on one side, the topics on the other."""

    gateway_host: str = Field("127.0.0.1", description="address of the gateway; any but this machine's own needs keys")
    gateway_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8000, description="port of the gateway; 0 takes a free one"
    )
    group: str = Field("loan-scorer", min_length=1, description="the scorers' consumer group, whose lag is shown")
    reply_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        2.0, description="how long a caller waits for a decision before it gets an address to ask again"
    )
    keys: Path | None = Field(None, description="file of hashed API keys; unset: none are asked for")
    rate_per_minute: Annotated[int, Field(ge=0)] = Field(
        60_000, description="requests one key, or one address without keys, may make in a minute; 0 for no limit"
    )
    max_body_bytes: Annotated[int, Field(ge=256)] = Field(65_536, description="a larger request body is refused unread")
    clients: Clients = "clients.db"
    store: str = Field("decisions.db", description="decision store of the monitor: an SQLite file or a URL")
    pseudonym_key_file: PseudonymKeyFile = None
    reports: Path = Field(Path("reports"), description="folder of the monitor's Evidently reports")


class FollowerSettings(Readable, StreamSettings):
    """The settings of a follower of the topic of profiles."""

    clients: Clients = "clients.db"
    clients_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        6068, description="port of the follower's pages; 0 takes a free one"
    )
    clients_stale_seconds: Annotated[float, Field(gt=0)] = Field(
        60.0, description="a store that has not been current for so long makes its follower not ready"
    )


def check_environment() -> None:
    """Raises SettingsError for ``STREAM_APP_*`` variables that no role knows, those of Kubernetes excepted."""
    _refuse(_misspelt())


def _misspelt() -> list[str]:
    roles = (WorkerSettings, MonitorSettings, GatewaySettings, FollowerSettings)
    return list(unknown_variables(os.environ, {name for role in roles for name in role.model_fields}))


def _refuse(problems: list[str]) -> None:
    if problems:
        raise SettingsError(
            "The settings are not valid:\n" + "".join(f"  {problem}\n" for problem in problems),
            do_next="Correct them all and start again; nothing was started.",
        )
