"""Signatures in minisign's format, made by minisign itself, and bundles that have to prove where they come from."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.bundle import load_bundle, shipped_bundle
from models.errors import BundleError
from models.minisign import BadSignature, PublicKey, verify
from models.origin import Origin, public_key
from stream_app.errors import SettingsError
from stream_app.settings import WorkerSettings
from tests.builders.bundles import reseal
from tests.servers.tools import TOOLS

KEY_ID, CONTENT = b"12345678", b"what is signed"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(b"Ed" + KEY_ID + PRIVATE.public_key().public_bytes_raw()).decode()
OTHER = base64.b64encode(b"Ed" + b"87654321" + PRIVATE.public_key().public_bytes_raw()).decode()


def signed(
    content: bytes, algorithm: bytes = b"ED", comment: bytes = b"of the model team", key_id: bytes = KEY_ID
) -> bytes:
    """A signature file, as minisign writes it."""
    signature = PRIVATE.sign(hashlib.blake2b(content).digest() if algorithm == b"ED" else content)
    lines = [b"untrusted comment: anything", base64.b64encode(algorithm + key_id + signature)]
    lines += [b"trusted comment: " + comment, base64.b64encode(PRIVATE.sign(signature + comment))]
    return b"\n".join(lines) + b"\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped_bundle(), tmp_path / "bundle"))


@pytest.fixture
def signed_folder(folder: Path) -> Path:
    (folder / "manifest.json.minisig").write_bytes(signed((folder / "manifest.json").read_bytes()))
    return folder


ORIGIN = Origin(public_key(PUBLIC))


@pytest.mark.parametrize("algorithm", [b"ED", b"Ed"], ids=["prehashed", "legacy"])
def test_a_signature_gives_its_trusted_comment(algorithm: bytes) -> None:
    assert verify(CONTENT, signed(CONTENT, algorithm), PublicKey.parse(PUBLIC)) == b"of the model team"


@pytest.mark.parametrize(
    ("signature", "problem"),
    [
        (signed(CONTENT + b"!"), "not what was signed"),
        (signed(CONTENT).replace(b"model team", b"other team"), "not what was signed"),
        (signed(CONTENT, key_id=b"87654321"), "another key"),
        (signed(CONTENT, algorithm=b"XX"), "algorithm is unknown"),
        (signed(CONTENT).replace(b"untrusted", b"unknown"), "minisign's format"),
        (signed(CONTENT)[:200], "minisign's format"),
        (signed(CONTENT).replace(b"A", b"\xff"), "minisign's format"),
        (b"", "minisign's format"),
    ],
)
def test_any_other_is_refused(signature: bytes, problem: str) -> None:
    with pytest.raises(BadSignature, match=problem):
        verify(CONTENT, signature, PublicKey.parse(PUBLIC))


def test_a_key_is_a_text_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "bank.pub").write_text(f"untrusted comment: minisign public key\n{PUBLIC}\n")
    assert public_key(PUBLIC) == public_key(str(tmp_path / "bank.pub"))


@pytest.mark.parametrize("text", ["", "nonsense", "/", "/dev/zero", base64.b64encode(bytes(42)).decode(), PUBLIC[:-4]])
def test_what_is_no_key_is_no_setting(text: str) -> None:
    with pytest.raises(SettingsError, match=r"STREAM_APP_BUNDLE_PUBLIC_KEY: is neither a minisign public key nor"):
        WorkerSettings.read(bundle_public_key=text)


@pytest.mark.parametrize("text", ["", "12ab", "g" * 64])
def test_what_is_no_sha256_is_no_setting(text: str) -> None:
    with pytest.raises(SettingsError, match="STREAM_APP_BUNDLE_SHA256"):
        WorkerSettings.read(bundle_sha256=text)


def test_a_signed_bundle_is_used_and_shows_its_comment(signed_folder: Path) -> None:
    bundle = load_bundle(signed_folder, origin=ORIGIN)
    assert str(bundle).endswith(", signed ('of the model team')")


def test_an_unsigned_bundle_is_refused_where_a_key_is_set(folder: Path) -> None:
    with pytest.raises(BundleError, match=r"it is not signed \(manifest\.json\.minisig is missing\)"):
        load_bundle(folder, origin=ORIGIN)


def test_a_signature_of_another_key_is_refused(signed_folder: Path) -> None:
    with pytest.raises(BundleError, match="does not hold: it was made with another key"):
        load_bundle(signed_folder, origin=Origin(public_key(OTHER)))


def test_a_bundle_changed_after_it_was_signed_is_refused_however_well_it_is_sealed(signed_folder: Path) -> None:
    reseal(signed_folder, policy={"review_at": 0.5, "refuse_at": 0.9})
    assert load_bundle(signed_folder).policy.refuse_at == 0.9
    with pytest.raises(BundleError, match="does not hold: the content or the comment is not what was signed"):
        load_bundle(signed_folder, origin=ORIGIN)


@pytest.mark.parametrize(
    "name", ["model.txt", "contract.json", "reference.parquet", "golden.jsonl", "MODEL_CARD.md", "manifest.json"]
)
def test_one_signature_covers_every_file(signed_folder: Path, name: str) -> None:
    with (signed_folder / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(BundleError, match=f"{name}|not what was signed"):
        load_bundle(signed_folder, origin=ORIGIN)


def test_a_card_that_no_hash_covers_is_refused_where_an_origin_is_asked_for() -> None:
    old = Path(__file__).parents[2] / "fixtures" / "release-0.1" / "bundle"
    assert load_bundle(old).name == "sba"
    sha256 = hashlib.sha256((old / "manifest.json").read_bytes()).hexdigest()
    with pytest.raises(BundleError, match=r"has no SHA-256 for MODEL_CARD\.md\..*Remove MODEL_CARD\.md"):
        load_bundle(old, origin=Origin(sha256=sha256))


def test_a_pinned_bundle_is_the_one_with_this_manifest(folder: Path) -> None:
    sha256 = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    pinned = WorkerSettings(bundle_sha256=sha256).origin
    assert load_bundle(folder, origin=pinned).manifest_sha256 == sha256
    reseal(folder, policy={"refuse_at": 0.9})
    with pytest.raises(BundleError, match=r"the SHA-256 of manifest\.json is not the one in STREAM_APP_BUNDLE_SHA256"):
        load_bundle(folder, origin=pinned)


# ---- minisign itself ------------------------------------------------------------------------------------------------

Minisign = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def minisign(tmp_path: Path) -> Minisign:
    """Debian's program in a folder of its own, with a key pair without a password."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [TOOLS["minisign"].path(), *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)

    assert run("-G", "-W", "-p", "bank.pub", "-s", "bank.key").returncode == 0
    return run


@pytest.mark.minisign
@pytest.mark.parametrize("algorithm", ["-H", "-l"], ids=["prehashed", "legacy"])
def test_what_minisign_signs_is_accepted_here(minisign: Minisign, folder: Path, tmp_path: Path, algorithm: str) -> None:
    words = ("-S", algorithm, "-s", "bank.key", "-m", folder / "manifest.json", "-t", "approved by risk, 2026-11-27")
    assert minisign(*words).returncode == 0
    assert load_bundle(folder, origin=Origin(public_key(str(tmp_path / "bank.pub")))).comment == (
        "approved by risk, 2026-11-27"
    )


@pytest.mark.minisign
@pytest.mark.parametrize("algorithm", [b"ED", b"Ed"], ids=["prehashed", "legacy"])
def test_minisign_accepts_and_refuses_what_the_product_does(minisign: Minisign, folder: Path, algorithm: bytes) -> None:
    manifest = folder / "manifest.json"
    (folder / "manifest.json.minisig").write_bytes(signed(manifest.read_bytes(), algorithm))
    assert "of the model team" in minisign("-V", "-P", PUBLIC, "-m", manifest).stdout
    load_bundle(folder, origin=ORIGIN)
    for wrong in (signed(b"other", algorithm), signed(manifest.read_bytes(), algorithm).replace(b"team", b"tram")):
        (folder / "manifest.json.minisig").write_bytes(wrong)
        assert minisign("-V", "-P", PUBLIC, "-m", manifest).returncode == 1
        with pytest.raises(BundleError, match="does not hold"):
            load_bundle(folder, origin=ORIGIN)
