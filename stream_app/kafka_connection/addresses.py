"""Addresses of Kafka brokers. Imports nothing heavy: the command line checks its options with it."""

from __future__ import annotations

import ipaddress
import re

_HOST, _PORT = re.compile(r"[\w.-]+"), re.compile(r"[0-9]{1,5}")


def kafka_servers(addresses: str) -> list[str]:
    """The servers of ``HOST:PORT[,HOST:PORT]``. Raises ValueError."""
    if "@" in addresses:  # not repeated: what stands before it may be a password
        raise ValueError(
            "A Kafka address has no user name and no password: write HOST:PORT, and set STREAM_APP_KAFKA_USERNAME and "
            "STREAM_APP_KAFKA_PASSWORD_FILE"
        )
    servers = [server.strip() for server in addresses.split(",")]
    for server in servers:
        host, _, port = server.rpartition(":")
        if not (_HOST.fullmatch(host) or _is_ip_6(host)) or not _PORT.fullmatch(port) or not 0 < int(port) < 65_536:
            raise ValueError(
                f"{server!r} is no Kafka address: write HOST:PORT with a port from 1 to 65535, an IPv6 host in "
                "brackets, several separated by commas"
            )
    return servers


def _is_ip_6(host: str) -> bool:
    try:
        return host[:1] + host[-1:] == "[]" and bool(ipaddress.IPv6Address(host[1:-1]))
    except ValueError:
        return False
