"""The ``client.properties`` of a Java client, read as settings of :class:`KafkaSettings`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from stream_app.errors import SettingsError

_OPTION = r"""(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;"'=]+))"""
_JAAS_OPTION = re.compile(_OPTION)
_FLAG = "required|requisite|sufficient|optional"
_JAAS_LINE = re.compile(rf"\s*[\w.$]+\s+(?:{_FLAG})(?:\s+{_OPTION})*\s*;\s*", re.IGNORECASE)
"""One login module with its options, values in either kind of quotes or in none, as Java takes them."""
_PROPERTIES = {
    "bootstrap.servers": "kafka",
    "security.protocol": "kafka_security",
    "sasl.mechanism": "kafka_sasl",
    "ssl.truststore.location": "kafka_ca",
    "ssl.truststore.password": "kafka_ca_password",
    "ssl.keystore.location": "kafka_certificate",
    "ssl.keystore.password": "kafka_key_password",
    "ssl.key.password": "kafka_key_password",
    "sasl.oauthbearer.token.endpoint.url": "kafka_token_url",
    "sasl.oauthbearer.client.credentials.client.id": "kafka_username",
    "sasl.oauthbearer.client.credentials.client.secret": "kafka_password",
    "sasl.oauthbearer.scope": "kafka_token_scope",
}
_JAAS = {
    "username": "kafka_username", "password": "kafka_password", "clientId": "kafka_username",
    "clientSecret": "kafka_password", "scope": "kafka_token_scope",
}  # fmt: skip
_WITHOUT_EFFECT = {
    "ssl.truststore.type", "ssl.keystore.type", "ssl.endpoint.identification.algorithm", "sasl.jaas.config",
    "sasl.login.callback.handler.class",
}  # fmt: skip
"""Read from the files themselves, or handled apart."""


def properties_settings(path: Path) -> dict[str, Any]:
    """What a Java client's properties file says of the connection, by the names of :class:`KafkaSettings`.

    Properties that do not concern the connection are passed over. Raises SettingsError: the file cannot be read, or has
    a property of security that is not supported.
    """
    import javaproperties  # noqa: PLC0415 - only where such a file is used

    try:
        with path.open("rb") as file:
            properties = javaproperties.load(file)
    except (OSError, ValueError) as fault:
        raise SettingsError(
            f"{path.absolute()} cannot be read ({type(fault).__name__}).", do_next="Correct it."
        ) from None
    about_security = {name for name in properties if name.startswith(("ssl.", "sasl.", "security."))}
    if unknown := sorted(about_security - _PROPERTIES.keys() - _WITHOUT_EFFECT):
        raise SettingsError(
            f"{path.absolute()} has properties that this product does not support: {', '.join(unknown)}.",
            do_next="Remove them; PEM and PKCS12 stores, PLAIN, SCRAM and OAUTHBEARER are supported.",
        )
    settings: dict[str, Any] = {_PROPERTIES[name]: value for name, value in properties.items() if name in _PROPERTIES}
    settings |= _login(path, properties.get("sasl.jaas.config"))
    if properties.get("ssl.endpoint.identification.algorithm") == "":
        settings["kafka_check_hostname"] = False
    return settings


def _login(path: Path, jaas: str | None) -> dict[str, Any]:
    """User name, password and scope of a JAAS line. Raises SettingsError, without the line, which holds a password."""
    if jaas is not None and not _JAAS_LINE.fullmatch(jaas):
        raise SettingsError(
            f"{path.absolute()}: sasl.jaas.config cannot be read.",
            do_next='Write one login module: MODULE required username="..." password="..."; with the semicolon, and '
            "values with spaces or signs in quotes.",
        )
    options = ((option, double or single or bare) for option, double, single, bare in _JAAS_OPTION.findall(jaas or ""))
    return {_JAAS[option]: re.sub(r"\\(.)", r"\1", value) for option, value in options if option in _JAAS}
