"""TLS from PEM and PKCS12 files, proven by a handshake, and read again when they change."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from stream_app.errors import SettingsError
from stream_app.kafka_connection.tls import RenewedContext, Tls

AUTHORITY, OTHER = trustme.CA(), trustme.CA()
CLIENT = AUTHORITY.issue_cert("client.example")


def handshake(client: ssl.SSLContext, authority: trustme.CA = AUTHORITY) -> bool:
    """Over memory, with a server that trusts AUTHORITY. Whether the client showed a certificate."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("broker.example").configure_cert(server)
    AUTHORITY.configure_trust(server)
    server.verify_mode = ssl.CERT_OPTIONAL
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname="broker.example")
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (here, there, here, there):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return bool(there.getpeercert())


@pytest.fixture
def files(tmp_path: Path) -> Path:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    OTHER.cert_pem.write_to_path(tmp_path / "other.pem")
    CLIENT.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    CLIENT.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    key = serialization.load_pem_private_key(CLIENT.private_key_pem.bytes(), None)
    locked = serialization.BestAvailableEncryption(b"opens")
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    )
    certificate = x509.load_pem_x509_certificate(CLIENT.cert_chain_pems[0].bytes())
    authority = x509.load_pem_x509_certificate(AUTHORITY.cert_pem.bytes())
    store = pkcs12.serialize_key_and_certificates(b"us", key, certificate, [authority], locked)  # type: ignore[arg-type]
    (tmp_path / "client.p12").write_bytes(store)
    trust = pkcs12.serialize_key_and_certificates(None, None, None, [authority], locked)
    (tmp_path / "trust.p12").write_bytes(trust)
    return tmp_path


def test_pem_files_with_a_locked_key(files: Path) -> None:
    tls = Tls(files / "ca.pem", None, files / "certificate.pem", files / "key.pem", "opens")
    assert handshake(tls.context())


def test_one_pem_file_with_certificate_and_key(files: Path) -> None:
    assert handshake(Tls(files / "ca.pem", certificate=files / "client.pem").context())


def test_pkcs12_files(files: Path) -> None:
    tls = Tls(files / "trust.p12", "opens", files / "client.p12", None, "opens")
    assert handshake(tls.context())


def test_without_a_certificate_the_client_shows_none(files: Path) -> None:
    assert not handshake(Tls(files / "ca.pem").context())


def test_an_authority_that_is_not_named_is_not_trusted(files: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(Tls(files / "ca.pem").context(), OTHER)


def test_a_java_key_store_is_refused_with_the_line_that_converts_it(tmp_path: Path) -> None:
    (tmp_path / "trust.jks").write_bytes(b"\xfe\xed\xfe\xed\x00\x00\x00\x02")
    with pytest.raises(SettingsError, match=r"keytool -importkeystore -srckeystore .*trust\.jks .*trust\.p12"):
        Tls(tmp_path / "trust.jks").context()


@pytest.mark.parametrize(
    "tls",
    [
        Tls(Path("missing.pem")), Tls(Path("trust.p12"), "wrong"), Tls(Path("empty.pem")),
        Tls(certificate=Path("certificate.pem"), key=Path("key.pem"), key_password="wrong"),
        Tls(certificate=Path("certificate.pem")), Tls(certificate=Path("trust.p12"), key_password="opens"),
    ],
    ids=["missing", "wrong store password", "empty", "wrong key password", "no key", "no certificate of ours"],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_named(tls: Tls, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (files / "empty.pem").write_text("")
    monkeypatch.chdir(files)
    with pytest.raises(SettingsError, match=r"\.(pem|p12) cannot be used for TLS to Kafka"):
        tls.context()


def test_renewed_files_are_used_for_the_next_connection(files: Path) -> None:
    context = Tls(files / "other.pem").context()
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(context)
    (files / "other.pem").write_bytes(AUTHORITY.cert_pem.bytes())
    os.utime(files / "other.pem", (1, 1))
    handshake(context)


def test_a_half_written_file_leaves_what_was_read_before(files: Path) -> None:
    context = Tls(files / "ca.pem").context()
    (files / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nhalf")
    assert isinstance(context, RenewedContext)
    handshake(context)
