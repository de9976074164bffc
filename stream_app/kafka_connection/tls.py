"""TLS to a broker: the authorities trusted and the client certificate, read again when their files change."""

from __future__ import annotations

import logging
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stream_app.errors import SettingsError

log = logging.getLogger(__name__)

_JKS_MAGIC = b"\xfe\xed\xfe\xed"
_PEM_MAGIC = b"-----BEGIN"


@dataclass(frozen=True)
class Tls:
    """Paths of PEM or PKCS12 files. ``authorities``: whom to trust, None for the system's. ``key``: PEM, None where
    ``certificate`` holds it, too; both None: the client shows no certificate. Passwords open PKCS12 files and keys."""

    authorities: Path | None = None
    authorities_password: str | None = field(default=None, repr=False)
    certificate: Path | None = None
    key: Path | None = None
    key_password: str | None = field(default=None, repr=False)
    check_hostname: bool = True

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.authorities, self.certificate, self.key) if path)

    def subject(self) -> str | None:
        """The distinguished name of the client certificate, as Kafka writes it; None without one that can be read."""
        from cryptography import x509  # noqa: PLC0415 - for a message only

        try:
            data = self.certificate.read_bytes() if self.certificate else b""
            pem = data.decode("ascii") if _PEM_MAGIC in data else _from_pkcs12(Path(), data, self.key_password)[1]
            return x509.load_pem_x509_certificate(pem.encode()).subject.rfc4514_string()
        except (OSError, ValueError, SettingsError):
            return None

    def context(self) -> ssl.SSLContext:
        """A context for any client library. Raises SettingsError naming the file that cannot be used."""
        context = RenewedContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = self.check_hostname
        context.follow(self)
        return context


class RenewedContext(ssl.SSLContext):
    """Reads its certificates again before a connection is made, if a file changed: nobody restarts for a renewal."""

    _tls: Tls
    _read: tuple[tuple[int, int], ...]

    def follow(self, tls: Tls) -> None:
        self._tls = tls
        self._read = _state_of(tls)
        load(self, tls)

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        self._renew()
        return super().wrap_bio(*args, **kwargs)

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        self._renew()
        return super().wrap_socket(*args, **kwargs)

    def _renew(self) -> None:
        """A file that cannot be read now, perhaps half written, leaves what was read before."""
        try:
            state = _state_of(self._tls)
            if state == self._read:
                return
            load(self, self._tls)
        except (OSError, SettingsError) as fault:
            log.warning("The renewed Kafka certificates cannot be read (%s); the old ones stay in use.", fault)
            return
        self._read = state
        log.info("The Kafka certificates were renewed from their files.")


def _state_of(tls: Tls) -> tuple[tuple[int, int], ...]:
    statuses = [path.stat() for path in tls.files if path.exists()]
    return tuple((status.st_mtime_ns, status.st_size) for status in statuses)


def load(context: ssl.SSLContext, tls: Tls) -> None:
    """Load what the files hold into the context. Raises SettingsError."""
    if tls.authorities is None:
        context.load_default_certs()
    else:
        _load_authorities(context, tls.authorities, tls.authorities_password)
    if tls.certificate is not None:
        _load_certificate(context, tls.certificate, tls.key, tls.key_password)


def _load_authorities(context: ssl.SSLContext, path: Path, password: str | None) -> None:
    try:
        data = _read(path)
        pem = data.decode("ascii") if _PEM_MAGIC in data else _from_pkcs12(path, data, password)[1]
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, UnicodeDecodeError, ValueError) as fault:
        raise _unusable(path, "no certificates could be read from it") from fault


def _load_certificate(context: ssl.SSLContext, path: Path, key: Path | None, password: str | None) -> None:
    data = _read(path)
    if key is not None:
        _read(key)  # names the file if it is not there
    elif _PEM_MAGIC not in data:
        private, chain = _from_pkcs12(path, data, password)
        _load_pem(context, path, private + chain)
        return
    try:
        # Called with a function, OpenSSL never asks on the terminal for a password that is missing.
        context.load_cert_chain(path, key, password=lambda: password or "")
    except (ssl.SSLError, ValueError) as fault:
        raise _unusable(key or path, "certificate, key and key password do not belong together") from fault


def _load_pem(context: ssl.SSLContext, path: Path, pem: str) -> None:
    """OpenSSL takes a chain from a file only: one that nobody else can read, for this moment."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pem)
        file.flush()
        try:
            context.load_cert_chain(file.name)
        except ssl.SSLError as fault:
            raise _unusable(path, "it holds no client certificate with its key") from fault


def _from_pkcs12(path: Path, data: bytes, password: str | None) -> tuple[str, str]:
    """Key and certificates as PEM; the key is empty in a trust store."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - 0.1 s, for PKCS12 only
    from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: PLC0415

    if data.startswith(_JKS_MAGIC):
        raise SettingsError(
            f"{path.absolute()} is a Java key store (JKS), which only Java reads.",
            do_next=f"Convert it: keytool -importkeystore -srckeystore {path} -destkeystore {path.with_suffix('.p12')} "
            "-deststoretype PKCS12",
        )
    try:
        store = pkcs12.load_pkcs12(data, password.encode() if password else None)
    except ValueError as fault:
        raise _unusable(path, "it is neither PEM nor a PKCS12 file that this password opens") from fault
    pem, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key = store.key.private_bytes(pem, plain, serialization.NoEncryption()).decode() if store.key else ""
    own = [store.cert] if store.cert else []
    return key, "".join(entry.certificate.public_bytes(pem).decode() for entry in [*own, *store.additional_certs])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise _unusable(path, fault.strerror or "it cannot be read") from fault


def _unusable(path: Path, why: str) -> SettingsError:
    return SettingsError(
        f"{path.absolute()} cannot be used for TLS to Kafka: {why}.",
        do_next="Name a PEM or PKCS12 file, and its password if it has one.",
    )
