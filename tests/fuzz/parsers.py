"""Targets that take bytes: labels, decisions, requests, contracts, bundles, properties files, signatures."""

from __future__ import annotations

import base64
import json
import random
import shutil
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pydantic

from models.bundle import load_bundle, shipped_bundle
from models.bundle_files import GOLDEN, MANIFEST
from models.contract import Contract
from models.errors import BundleError, ContractError
from models.minisign import BadSignature, PublicKey, verify
from monitoring.decode import Clocking, read_runs
from monitoring.event_time import WindowSize
from monitoring.statistics.feature_columns import feature_columns
from stream_app.commands.formats import decision_csv, decision_json, decision_line, rejection_json, rejection_line
from stream_app.errors import SettingsError
from stream_app.events import Decision, Label, Rejection
from stream_app.feature_struct import feature_struct
from stream_app.gateway.loan_requests import RequestReader
from stream_app.gateway.problem_details import ProblemError
from stream_app.kafka_connection.settings import KafkaSettings
from stream_app.steps.decode import Decoder
from tests.builders.bundles import reseal
from tests.builders.gateway import bundle
from tests.builders.records import Record
from tests.builders.scorer_requests import good
from tests.fuzz.mutate import spoil_bytes, spoil_json
from tests.fuzz.target import Target, corpus, demand

CLOCKING = Clocking(WindowSize.parse("1d"), 86_400_000_000, 4_000_000_000_000_000)
LIMIT = 65_536

LABEL = b'{"request_id":"r1","client_id":"7","defaulted":true,"observed_at":"2026-01-02T03:04:05Z"}'
DECISION = json.dumps({
    "request_id": "r1", "client_id": "7", "requested_at": "2026-01-02T03:04:05Z", "decided_at": "2026-01-02T03:04:06Z",
    "outcome": "review", "probability_of_default": 0.08,
    "policy": {"id": "p", "review_at": 0.06, "refuse_at": 0.11},
    "model": {"name": "sba", "version": "1", "sha256": "0"},
    "reasons": [{"code": "AMT", "feature": "amount_requested", "contribution": 0.3, "text": "The amount."}],
    "features": {"state": "CA", "employees": 7, "amount_requested": 70_000.0}, "challenger": None,
}).encode()  # fmt: skip


def labels() -> Target:
    """As the monitor reads them."""
    return Target("labels", _read_label, [LABEL, *corpus("labels")], spoil_json)


def _read_label(data: bytes) -> str:
    incoming = read_runs({("loan.outcomes", 0): [Record(data)]}, "loan.decisions", {}, CLOCKING)
    if not incoming.labels:
        return f"unreadable {_why(Label, data)}"
    label = msgspec.json.decode(data, type=Label)
    demand(msgspec.json.decode(msgspec.json.encode(label), type=Label) == label, "a label re-encodes to itself")
    return "label"


def _why(kind: Any, data: bytes) -> str:
    """The shape of msgspec's words, without values."""
    try:
        msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as fault:
        return "".join(letter for letter in str(fault)[:60] if not letter.isdigit())
    return ""


def decisions() -> Target:
    """As the monitor, its statistics and the command line read them."""
    return Target("decisions", _read_decision, [DECISION, *corpus("decisions")], spoil_json)


def _read_decision(data: bytes) -> str:
    record = Record(data)
    incoming = read_runs({("loan.decisions", 0): [record]}, "loan.decisions", {}, CLOCKING)
    lines = [decision_line(record), decision_json(record), str(decision_csv(record))]
    lines += [rejection_line(record, payload=True), rejection_json(record, payload=True)]
    demand(all("\n" not in line for line in lines[:1]), "a decision is one line")
    if not incoming.decisions:
        return f"unreadable, shown {'no decision' not in lines[0]}, {_why(Decision[Any], data)}"
    row = incoming.decisions[0]
    demand(row.record.encode() == data, "a decision is stored as it came")
    _, fits = feature_columns(bundle().contract, [row.record])
    return f"decision, late {row.late}, ahead {incoming.ahead}, fits {bool(fits[0])}"


def requests() -> Target:
    """As scorer and gateway read them, alike."""
    decoder, reader = Decoder(bundle().contract, LIMIT), RequestReader(bundle().contract, LIMIT)
    seeds = [good("7", "r1"), *corpus("requests")]
    return Target("requests", partial(_read_request, decoder, reader), seeds, spoil_json)


def _read_request(decoder: Decoder, reader: RequestReader, data: bytes) -> str:
    try:
        key = str(json.loads(data)["client_id"]).encode()
    except (ValueError, TypeError, LookupError, RecursionError):
        key = b"7"
    [read] = decoder.decode([Record(data, key)])
    try:
        reader.read(data, None)
        reason = ""
    except ProblemError as refused:
        reason = refused.problem.reason
    demand(len(data) <= LIMIT or isinstance(read, Rejection), "what is too large is rejected")
    if not isinstance(read, Rejection):
        again = decoder.decode([Record(msgspec.json.encode(read), key)])
        demand(again == [read], "a request re-encodes to itself")
        return f"request, HTTP {reason}"
    return f"{read.reason}, HTTP {reason}, {''.join(letter for letter in read.message[:40] if not letter.isdigit())}"


def contracts() -> Target:
    """Contracts, and the types that are made of them."""
    seeds = [bundle().contract.to_json(), *corpus("contracts")]
    return Target("contracts", _read_contract, seeds, spoil_json)


def _read_contract(data: bytes) -> str:
    try:
        contract = Contract.parse(data, source="contract.json")
    except ContractError as fault:
        return "".join(letter for letter in fault.happened[:90] if not letter.isdigit())
    demand(Contract.parse(contract.to_json(), source="") == contract, "a contract re-encodes to itself")
    feature_struct(contract)
    Decoder(contract, LIMIT).decode([Record(good("7", "r1"), b"7")])
    contract.encode(contract.columns_of([{}]))
    return f"contract of {min(len(contract.features), 3)} features or more"


def bundles() -> Target:
    """A bundle folder with one file changed; half of the time sealed again."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-bundle-"))
    names = (MANIFEST, GOLDEN, "contract.json", "reference.parquet")
    seeds = [name.encode() + b"\n" + (shipped_bundle() / name).read_bytes() for name in names]
    target = Target("bundles", partial(_load, folder), [*seeds, *corpus("bundles")], _spoil_file)
    target.close = partial(shutil.rmtree, folder, ignore_errors=True)
    return target


def _spoil_file(rng: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    name, content = data.split(b"\n", 1)
    if name == GOLDEN.encode():
        first, rest = content.split(b"\n", 1) if b"\n" in content else (content, b"")
        return name + b"\n" + spoil_json(rng, first) + b"\n" + rest
    return name + b"\n" + spoil_json(rng, content)


def _load(folder: Path, data: bytes) -> str:
    name, content = data.split(b"\n", 1)
    path = folder / "bundle"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(shipped_bundle(), path)
    (path / name.decode()).write_bytes(content)
    if name != MANIFEST.encode():
        reseal(path)
    elif len(content) % 2:
        _seal(path)
    try:
        loaded = load_bundle(path)
    except BundleError as fault:
        return "".join(
            letter for letter in fault.happened[len(str(path)) : len(str(path)) + 90] if not letter.isdigit()
        )
    demand(
        type(loaded.manifest).__eq__(
            msgspec.json.decode(loaded.manifest.to_json(), type=type(loaded.manifest)), loaded.manifest
        ),
        "a manifest re-encodes to itself",
    )
    return "bundle"


def _seal(path: Path) -> None:
    """A right version where the manifest is one."""
    try:
        reseal(path)
    except (ValueError, TypeError, KeyError, RecursionError):
        return


PROPERTIES = rb"""bootstrap.servers=a:9092,b:9093
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
  username="scorer" password="a\"b\u0020c";
ssl.truststore.location=/etc/ca.pem
ssl.truststore.type=PEM
ssl.endpoint.identification.algorithm=
client.id = loan
"""
TOKENS = b"""bootstrap.servers:[::1]:9092
security.protocol SASL_SSL
sasl.mechanism=OAUTHBEARER
sasl.oauthbearer.token.endpoint.url=https://idp.example/token
sasl.oauthbearer.client.credentials.client.id=scorer
sasl.oauthbearer.client.credentials.client.secret=secret
! a comment
"""


def properties() -> Target:
    """A client.properties file, as far as a connection."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-properties-"))
    seeds = [PROPERTIES, TOKENS, *corpus("properties")]
    target = Target("properties", partial(_read_properties, folder / "client.properties"), seeds, spoil_bytes)
    target.close = partial(shutil.rmtree, folder, ignore_errors=True)
    return target


def _read_properties(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    try:
        settings = KafkaSettings(kafka_properties=path)
        connection = settings.connection
    except SettingsError as fault:
        return "".join(letter for letter in fault.happened[len(str(path)) : len(str(path)) + 60] if letter.isalpha())
    except pydantic.ValidationError as fault:
        return " ".join(sorted({f"{error['loc']}{error['msg'][:40]}" for error in fault.errors()}))
    demand("secret" not in repr(connection), "a connection shows no secret")
    return f"{connection.security_protocol} {connection.sasl.mechanism if connection.sasl else ''}"


SIGNED = (
    b"untrusted comment: anything\n" + base64.b64encode(b"ED12345678" + bytes(64)) + b"\ntrusted comment: approved\n"
    + base64.b64encode(bytes(64)) + b"\n"
)  # fmt: skip
PUBLIC = b"untrusted comment: minisign public key\n" + base64.b64encode(b"Ed12345678" + bytes(32)) + b"\n"


def signatures() -> Target:
    """minisign's signatures and public keys."""
    return Target("signatures", _read_signature, [SIGNED, PUBLIC, *corpus("signatures")], spoil_bytes)


def _read_signature(data: bytes) -> str:
    key = PublicKey(b"12345678", bytes(32))
    try:
        key = PublicKey.parse(data.decode(errors="surrogateescape"))
        outcome = "key"
    except ValueError as fault:
        outcome = str(fault)[:30]
    try:
        verify(b"content", data, key)
    except BadSignature as fault:
        return f"{outcome}, {fault}"
    return f"{outcome}, signed"
