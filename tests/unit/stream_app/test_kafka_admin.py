"""Kafka addresses: HOST:PORT, several separated by commas; anything else is refused with one message everywhere."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from stream_app.cli import cli
from stream_app.errors import SettingsError
from stream_app.kafka_admin import wait_for_broker
from stream_app.kafka_connection.addresses import kafka_servers
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.settings import WorkerSettings

BAD = [
    "",
    "localhost",
    "host:port",
    ":9092",
    "a:0",
    "a:65536",
    "127.0.0.1:99999",
    "a:1,b",
    "a:1,",
    "a b:1",
    "kafka://a:1",
    "::1:9092",
    "[::g]:9092",
    "[]:9092",
    "a:\u0661",
]


@pytest.mark.parametrize(
    ("addresses", "servers"),
    [
        ("127.0.0.1:9092", ["127.0.0.1:9092"]),
        ("kafka_1:1, kafka-2.example:65535", ["kafka_1:1", "kafka-2.example:65535"]),
        ("[::1]:9092", ["[::1]:9092"]),
    ],
)
def test_servers_are_hosts_with_ports(addresses: str, servers: list[str]) -> None:
    assert kafka_servers(addresses) == servers


@pytest.mark.parametrize("addresses", BAD)
def test_anything_else_is_refused_in_every_place_that_takes_one(addresses: str) -> None:
    with pytest.raises(ValueError, match="is no Kafka address: write HOST:PORT") as refused:
        kafka_servers(addresses)
    with pytest.raises(SettingsError) as setting:
        WorkerSettings.read(kafka=addresses)
    with pytest.raises(SettingsError) as function:
        wait_for_broker(KafkaConnection(addresses))
    for command in (["decisions"], ["topics", "check"], ["produce", "--sample", "1"], ["demo"]):
        option = CliRunner().invoke(cli, [*command, "--kafka", addresses])
        assert (option.exit_code, str(refused.value) in option.stderr) == (2, True)
    assert str(refused.value) in str(setting.value)
    assert str(refused.value) in str(function.value)


SECRET_ADDRESSES = ["user:s3cret@a:1", "user:s3,cret@a:1", "a:1,user:s3cret@b:1"]


@pytest.mark.parametrize("addresses", SECRET_ADDRESSES)
@pytest.mark.parametrize("words", [["topics", "check"], ["topics", "create"], ["worker"]], ids=" ".join)
def test_a_password_in_an_address_is_refused_and_never_repeated(
    words: list[str], addresses: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = CliRunner().invoke(cli, [*words, "--kafka", addresses])
    monkeypatch.setenv("STREAM_APP_KAFKA", addresses)
    for done in (option, CliRunner().invoke(cli, words)):
        said = f"{done.output} {done.exception}"
        assert "no user name and no password" in said
        assert "s3" not in said
        assert "cret" not in said.lower().replace("secret", "")
