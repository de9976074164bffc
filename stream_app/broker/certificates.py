"""An authority of a broker's own, and the certificates that it signs. All of it is made anew for each start."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = dt.timedelta(days=397)
"""Of every certificate: longer than a broker of this product runs."""
_CLOCKS_DIFFER = dt.timedelta(hours=1)


class Authority:
    """Signs certificates (ECDSA on P-256, as PEM). Its own key is in memory only, and so is gone with the process."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("stream-app broker's authority")
        basic = x509.BasicConstraints(ca=True, path_length=0)
        self._certificate = self._sign(_builder(self._name, self._key, LIFE).add_extension(basic, critical=True))
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str, hosts: Sequence[str] = (), life: dt.timedelta = LIFE) -> bytes:
        """Key, in PKCS#8 as Java reads it, and certificate of ``name``, for a server at ``hosts`` and for a client.

        ``life`` from now; negative for a certificate that has expired.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = _builder(_name(name), key, life).add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), False)
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        return private + self._sign(builder).public_bytes(pem)

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return builder.issuer_name(self._name).add_extension(signer, critical=False).sign(self._key, hashes.SHA256())


def _builder(name: x509.Name, key: ec.EllipticCurvePrivateKey, life: dt.timedelta) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + min(dt.timedelta(), life) - _CLOCKS_DIFFER)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
