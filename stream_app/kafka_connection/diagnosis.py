"""Why a broker cannot be reached: a look at one address, step by step, as a client would connect.

Client libraries answer a wrong password, an unknown authority and an address where nobody listens with the same words.
Here each has its own, with what to do. Nothing secret is in any of them.
"""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass
from typing import Any

from stream_app.kafka_connection.connection import KafkaConnection, Sasl
from stream_app.kafka_connection.oauth import TokenRefused
from stream_app.kafka_connection.tls import Tls
from stream_app.kafka_connection.wire import call, text, texts

STEP_SECONDS = 5.0
_API_VERSIONS, _SASL_HANDSHAKE, _SASL_AUTHENTICATE, _METADATA = 18, 17, 36, 3
_NOT_A_SASL_LISTENER = 34

_CERTIFICATE = {
    10: ("has expired", "Renew the broker's certificate; check this machine's clock."),
    9: ("is not valid yet", "Check this machine's clock."),
    62: ("is for another host name", "Use the name in the certificate, or set STREAM_APP_KAFKA_CHECK_HOSTNAME=false."),
    64: ("is for another address", "Use the name in the certificate, or set STREAM_APP_KAFKA_CHECK_HOSTNAME=false."),
}
"""By OpenSSL's verification code; every other one is about who signed it."""
_START_ONE = "Check the address and that the broker runs, or start one: stream-app broker."
_OTHER_LISTENER = "Use the port of a SASL listener, or set STREAM_APP_KAFKA_SECURITY=SSL."
_UNKNOWN_AUTHORITY = (
    "is signed by an authority that is not trusted here",
    "Name the authority's certificate in STREAM_APP_KAFKA_CA.",
)


@dataclass(frozen=True)
class Diagnosis:
    """``happened``: a sentence; ``do_next``: what mends it."""

    happened: str
    do_next: str


class _Found(Exception):
    def __init__(self, happened: str, do_next: str) -> None:
        self.diagnosis = Diagnosis(happened, do_next)


def diagnose(connection: KafkaConnection) -> Diagnosis | None:
    """What is wrong with the first address that has a fault of its own; None: nothing was seen.

    Takes at most some seconds an address.
    """
    for server in connection.servers:
        try:
            _connect(connection, server)
        except _Found as found:
            return found.diagnosis
    return None


def _connect(connection: KafkaConnection, server: str) -> None:
    """Raises _Found at the first step that fails."""
    host, _, port = server.rpartition(":")
    with _tcp(host.strip("[]"), int(port), server) as plain:
        if connection.tls is None:
            _talk(plain, connection, server)
            return
        with _tls(plain, connection.tls, host.strip("[]"), server) as encrypted:
            _talk(encrypted, connection, server)


def _tcp(host: str, port: int, server: str) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout=STEP_SECONDS)
    except socket.gaierror as fault:
        raise _Found(f"The host name of {server} is not known here.", "Check STREAM_APP_KAFKA and the DNS.") from fault
    except ConnectionRefusedError as fault:
        raise _Found(f"Nobody listens at {server}.", _START_ONE) from fault
    except OSError as fault:
        raise _Found(
            f"{server} cannot be reached ({fault.strerror or 'no answer'}).", "Check the address, routes and firewalls."
        ) from fault


def _tls(plain: socket.socket, tls: Tls, host: str, server: str) -> ssl.SSLSocket:
    try:
        return tls.context().wrap_socket(plain, server_hostname=host)
    except ssl.SSLCertVerificationError as fault:
        what, do_next = _CERTIFICATE.get(fault.verify_code, _UNKNOWN_AUTHORITY)
        raise _Found(f"The certificate of {server} {what}.", do_next) from fault
    except ssl.SSLError as fault:
        if "alert" in str(fault).lower():
            raise _refused_certificate(server) from fault
        raise _no_tls(server) from fault
    except OSError as fault:
        raise _no_tls(server) from fault


def _no_tls(server: str) -> _Found:
    return _Found(
        f"{server} does not speak TLS.",
        "Use the port of a TLS listener, or set STREAM_APP_KAFKA_SECURITY=PLAINTEXT (SASL_PLAINTEXT with SASL).",
    )


def _refused_certificate(server: str) -> _Found:
    return _Found(
        f"{server} wants a client certificate that it trusts, and ended the connection.",
        "Set STREAM_APP_KAFKA_CERTIFICATE and STREAM_APP_KAFKA_KEY to one signed by an authority of the cluster.",
    )


def _talk(stream: socket.socket, connection: KafkaConnection, server: str) -> None:
    """Speak Kafka: versions first, which every listener answers, then who we are, then what only friends may ask."""
    try:
        call(stream, _API_VERSIONS, 0, b"")
    except ssl.SSLError as fault:
        raise _refused_certificate(server) from fault
    except (OSError, ValueError) as fault:
        if connection.tls is not None:
            raise _refused_certificate(server) from fault
        raise _Found(
            f"{server} does not answer in plain text; it is a TLS listener, or no Kafka broker.",
            "Set STREAM_APP_KAFKA_SECURITY=SSL (SASL_SSL with SASL), or check the port.",
        ) from fault
    if connection.sasl is not None:
        _authenticate(stream, connection, connection.sasl, server)
    try:
        call(stream, _METADATA, 1, struct.pack(">i", 0))
    except (OSError, ValueError) as fault:
        raise _Found(
            f"{server} ended the connection when it was asked for its topics: it wants to know who asks.",
            "Set STREAM_APP_KAFKA_SECURITY=SASL_SSL (or SASL_PLAINTEXT), a user name and a password.",
        ) from fault


def _authenticate(stream: socket.socket, connection: KafkaConnection, sasl: Sasl, server: str) -> None:
    answer = call(stream, _SASL_HANDSHAKE, 1, text(sasl.mechanism))
    [error] = struct.unpack_from(">h", answer)
    if error == _NOT_A_SASL_LISTENER:
        raise _Found(f"{server} is a listener without SASL.", _OTHER_LISTENER)
    if error:
        offered = ", ".join(texts(answer[2:]))
        raise _Found(
            f"{server} does not take the SASL mechanism {sasl.mechanism}; it takes {offered or 'none'}.",
            "Set STREAM_APP_KAFKA_SASL to one of them.",
        )
    try:
        refused = _exchange(stream, _mechanism(connection))
    except TokenRefused as fault:
        raise _Found(str(fault), "Check STREAM_APP_KAFKA_TOKEN_URL, client id, secret and scope.") from fault
    except (OSError, ValueError) as fault:
        raise _wrong_credentials(server, sasl) from fault
    if refused:
        raise _wrong_credentials(server, sasl)


def _wrong_credentials(server: str, sasl: Sasl) -> _Found:
    what = "access token" if sasl.mechanism == "OAUTHBEARER" else "user name or password"
    return _Found(
        f"{server} refused the {what} ({sasl.mechanism}).",
        "Check STREAM_APP_KAFKA_USERNAME and STREAM_APP_KAFKA_PASSWORD, and that the user exists for this mechanism.",
    )


def _mechanism(connection: KafkaConnection) -> Any:
    from kafka.net.sasl import get_sasl_mechanism  # noqa: PLC0415 - a Kafka client is imported when it is used

    arguments = connection.for_kafka_python()
    return get_sasl_mechanism(arguments["sasl_mechanism"])(host="", **arguments)


def _exchange(stream: socket.socket, mechanism: Any) -> bool:
    """Whether the broker refused. Raises what the mechanism raises on an answer it does not accept."""
    while not mechanism.is_done():
        proof = mechanism.auth_bytes()
        answer = call(stream, _SASL_AUTHENTICATE, 0, struct.pack(">i", len(proof)) + proof)
        [error] = struct.unpack_from(">h", answer)
        if error:
            return True
        [length] = struct.unpack_from(">h", answer, 2)
        mechanism.receive(answer[2 + 2 + max(0, length) + 4 :])
    return not mechanism.is_authenticated()
