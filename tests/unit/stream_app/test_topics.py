"""Topic names and settings."""

from __future__ import annotations

import subprocess
import sys

import pytest

from stream_app.errors import SettingsError
from stream_app.topics import TopicNames, topic_specs


def test_a_prefix_goes_before_every_name() -> None:
    plain, prefixed = TopicNames(), TopicNames.prefixed("eu.")
    assert prefixed.all() == tuple("eu." + name for name in plain.all())
    assert TopicNames.prefixed("") == plain


def test_the_command_that_creates_the_topics_is_named_with_their_prefix() -> None:
    assert [TopicNames.prefixed(prefix).prefix_option for prefix in ("", "eu.")] == ["", " --topic-prefix eu."]


@pytest.mark.parametrize("prefix", ["loan requests", "a/b", "ä", "x" * 201, "a\n"])
def test_a_prefix_kafka_would_refuse_is_refused_at_once(prefix: str) -> None:
    with pytest.raises(SettingsError):
        TopicNames.prefixed(prefix)


@pytest.mark.parametrize(("replication", "in_sync"), [(1, None), (2, "1"), (3, "2")])
def test_a_record_is_acknowledged_by_all_replicas_but_one(replication: int, in_sync: str | None) -> None:
    specs = topic_specs(TopicNames(), 4, replication)
    assert {spec.config.get("min.insync.replicas") for spec in specs} == {in_sync}


def test_of_drift_events_and_profiles_alone_the_newest_of_each_key_stays() -> None:
    names = TopicNames()
    policies = {spec.name: spec.config.get("cleanup.policy") for spec in topic_specs(names, 4, 1)}
    assert policies == dict.fromkeys(names.all()) | {names.drift: "compact", names.clients: "compact"}


def test_a_deleted_client_stays_deleted_for_a_follower_that_was_away_for_weeks() -> None:
    names = TopicNames()
    kept = {spec.name: spec.config.get("delete.retention.ms") for spec in topic_specs(names, 4, 1)}
    assert kept == dict.fromkeys(names.all()) | {names.clients: "2592000000"}


def test_no_kafka_client_is_imported_until_a_function_is_called() -> None:
    code = "import sys, stream_app.broker, stream_app.topics, stream_app.commands.topics; print('kafka' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
