"""A Kafka connection from variables, secret files and a client.properties: refused with reasons, no secret shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic
import pytest

from stream_app.errors import SettingsError
from stream_app.kafka_connection.connection import KafkaConnection, Sasl
from stream_app.kafka_connection.properties import properties_settings
from stream_app.kafka_connection.settings import KafkaSettings
from stream_app.kafka_connection.tls import Tls

SASL: dict[str, Any] = {"kafka_security": "SASL_SSL", "kafka_username": "scorer", "kafka_password": "pa:ss"}


def test_without_settings_it_is_plain_text_on_this_machine() -> None:
    assert KafkaSettings().connection == KafkaConnection("127.0.0.1:9092")


def test_scram_over_tls_is_the_default_of_sasl() -> None:
    assert KafkaSettings(**SASL).connection == KafkaConnection(
        "127.0.0.1:9092", Tls(), Sasl("SCRAM-SHA-512", "scorer", "pa:ss")
    )


@pytest.mark.parametrize("secret", ["kafka_ca_password", "kafka_key_password", "kafka_password"])
def test_a_secret_may_be_the_first_line_of_a_file(secret: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    given = {name: value for name, value in SASL.items() if name != secret}
    settings = KafkaSettings(**given, **{f"{secret}_file": tmp_path / "secret"})  # type: ignore[arg-type]
    assert getattr(settings, secret).get_secret_value() == "from a file"


def test_the_scope_of_tokens_and_the_bound_of_inflation_reach_the_connection() -> None:
    oauth = {"kafka_sasl": "OAUTHBEARER", "kafka_token_url": "https://login.example/t", "kafka_token_scope": "kafka"}
    connection = KafkaSettings(**(SASL | oauth), kafka_max_inflated_bytes=65_536).connection
    assert connection.sasl is not None
    assert (connection.sasl.token_scope, connection.max_inflated_bytes) == ("kafka", 65_536)


def test_words_of_kafka_may_be_written_in_lower_case() -> None:
    settings = KafkaSettings(**{**SASL, "kafka_security": "sasl_ssl", "kafka_sasl": "scram-sha-256"})
    assert (settings.kafka_security, settings.kafka_sasl) == ("SASL_SSL", "SCRAM-SHA-256")


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")
    monkeypatch.setenv("STREAM_APP_KAFKA_SECURITY", "SASL_SSL")
    monkeypatch.setenv("STREAM_APP_KAFKA_USERNAME", "scorer")
    monkeypatch.setenv("STREAM_APP_KAFKA_PASSWORD_FILE", str(tmp_path / "password"))
    assert KafkaSettings().connection.sasl == Sasl("SCRAM-SHA-512", "scorer", "from a file")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"kafka_security": "SASL_SSL"}, "SASL needs STREAM_APP_KAFKA_USERNAME"),
        ({**SASL, "kafka_security": "PLAINTEXT"}, "needs STREAM_APP_KAFKA_SECURITY=SASL_SSL"),
        ({"kafka_password": "pa:ss"}, "KAFKA_PASSWORD needs STREAM_APP_KAFKA_SECURITY=SASL_SSL"),
        ({"kafka_ca": "ca.pem"}, "KAFKA_CA needs STREAM_APP_KAFKA_SECURITY=SSL"),
        ({"kafka_certificate": "me.pem"}, "KAFKA_CERTIFICATE needs STREAM_APP_KAFKA_SECURITY=SSL"),
        ({"kafka_security": "SSL", "kafka_key": "key.pem"}, "KAFKA_KEY needs STREAM_APP_KAFKA_CERTIFICATE"),
        ({**SASL, "kafka_security": "SASL_PLAINTEXT"}, "clear text"),
        ({**SASL, "kafka_sasl": "OAUTHBEARER"}, "OAUTHBEARER needs STREAM_APP_KAFKA_TOKEN_URL"),
        ({**SASL, "kafka_sasl": "OAUTHBEARER", "kafka_token_url": "http://id/token"}, "clear text"),
        ({**SASL, "kafka_sasl": "OAUTHBEARER", "kafka_token_url": "ftp://id/token"}, "http:// or https://"),
        ({**SASL, "kafka_password": None, "kafka_password_file": "/nowhere"}, "/nowhere holds no readable secret"),
    ],
    ids=[
        "no user",
        "user without sasl",
        "password without sasl",
        "ca without tls",
        "certificate without tls",
        "key without certificate",
        "plaintext",
        "no token url",
        "token in clear",
        "ftp",
        "no secret file",
    ],
)
def test_what_would_not_work_or_not_be_safe_is_refused(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=expected):
        KafkaSettings(**given)


def test_credentials_go_in_clear_text_where_that_is_said() -> None:
    settings = KafkaSettings(**{**SASL, "kafka_security": "SASL_PLAINTEXT"}, kafka_plaintext_credentials=True)
    assert settings.connection.security_protocol == "SASL_PLAINTEXT"


def test_no_secret_is_shown() -> None:
    settings = KafkaSettings(**SASL, kafka_key_password="key secret")
    shown = f"{settings!r} {settings} {settings.connection!r} {settings.connection}"
    assert "pa:ss" not in shown
    assert "key secret" not in shown


JAVA = r"""
# a comment
bootstrap.servers=broker-1:9093,broker-2:9093
security.protocol: SASL_SSL
sasl.mechanism=SCRAM-SHA-256
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
    username="sco\\"rer" password="pa=ss;";
ssl.truststore.location=/etc/kafka/trust.p12
ssl.truststore.password=opens
ssl.truststore.type=PKCS12
ssl.endpoint.identification.algorithm=
acks=all
"""


def test_a_client_properties_file_is_read_as_java_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "client.properties"
    path.write_text(JAVA)
    assert KafkaSettings(kafka_properties=path).connection == KafkaConnection(
        "broker-1:9093,broker-2:9093",
        Tls(Path("/etc/kafka/trust.p12"), "opens", check_hostname=False),
        Sasl("SCRAM-SHA-256", 'sco"rer', "pa=ss;"),
    )


def test_a_variable_counts_before_the_properties_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "client.properties").write_text(JAVA)
    monkeypatch.setenv("STREAM_APP_KAFKA_USERNAME", "other")
    sasl = KafkaSettings(kafka_properties=tmp_path / "client.properties").connection.sasl
    assert sasl == Sasl("SCRAM-SHA-256", "other", "pa=ss;")


def test_oauth_options_stand_in_the_jaas_line_or_on_their_own(tmp_path: Path) -> None:
    (tmp_path / "client.properties").write_text(
        "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\n"
        'sasl.jaas.config=x.OAuthBearerLoginModule required clientId="id" clientSecret="secret" scope="kafka";\n'
        "sasl.oauthbearer.token.endpoint.url=https://id.example/token\n"
    )
    assert KafkaSettings(kafka_properties=tmp_path / "client.properties").connection.sasl == Sasl(
        "OAUTHBEARER", "id", "secret", "https://id.example/token", "kafka"
    )


def test_a_property_of_security_that_is_not_supported_is_named(tmp_path: Path) -> None:
    (tmp_path / "client.properties").write_text("sasl.kerberos.service.name=kafka\n")
    with pytest.raises(SettingsError, match=r"sasl\.kerberos\.service\.name"):
        properties_settings(tmp_path / "client.properties")


PASSWORDS = {
    'username="u" password="a b;=\\\\\\"c"': 'a b;="c',  # in a properties file a backslash is written twice
    "username='u' password='a \"b\"'": 'a "b"',
    "username=u password=plain-1.2_3": "plain-1.2_3",
    "username = u password = 'x'": "x",
}


@pytest.mark.parametrize(("options", "password"), PASSWORDS.items(), ids=["double", "single", "bare", "spaces"])
def test_values_of_a_jaas_line_may_stand_in_either_quotes_or_none(options: str, password: str, tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text(f"sasl.jaas.config=x.ScramLoginModule required {options};\n")
    assert properties_settings(file) == {"kafka_username": "u", "kafka_password": password}


UNREADABLE = {
    "no semicolon": 'x.Module required username="u" password="secret"',
    "quote open": "x.Module required username='u' password='secret;",
    "no flag": 'x.Module username="u" password="secret";',
    "bare with sign": "x.Module required username=u password=secret;more;",
    "empty": "",
}


@pytest.mark.parametrize("line", UNREADABLE.values(), ids=UNREADABLE)
def test_a_jaas_line_that_cannot_be_read_is_refused_and_not_repeated(line: str, tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text(f"sasl.jaas.config={line}\n")
    with pytest.raises(SettingsError, match=r"sasl\.jaas\.config cannot be read") as refused:
        properties_settings(file)
    assert "secret" not in str(refused.value)
