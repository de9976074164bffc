"""A bundle proves itself when it is read, and is written whole or not at all."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from models.bundle import Bundle, load_bundle, shipped_bundle
from models.errors import BundleError, OutputError
from models.manifest import Manifest, version_of
from models.training.train import Draft, train
from tests.builders.loans import CONTRACT, PLAN, loans


@pytest.fixture(scope="module")
def draft() -> Draft:
    return train(loans(), CONTRACT, PLAN)


@pytest.fixture
def bundle(draft: Draft, tmp_path: Path) -> Bundle:
    return draft.write(tmp_path / "bundle")


def rewrite(bundle: Bundle, name: str, content: bytes) -> None:
    """Put other content into a file and seal the manifest over it, as somebody who can hash would."""
    (bundle.path / name).write_bytes(content)
    files = {**bundle.manifest.files, name: hashlib.sha256(content).hexdigest()}
    seal(bundle, msgspec.structs.replace(bundle.manifest, files=files))


def seal(bundle: Bundle, manifest: Manifest) -> None:
    sealed = msgspec.structs.replace(manifest, version=version_of(manifest))
    (bundle.path / "manifest.json").write_bytes(sealed.to_json())


def test_what_was_written_is_what_is_read(bundle: Bundle) -> None:
    again = load_bundle(bundle.path)
    assert (again.name, again.contract, again.policy) == ("toy", CONTRACT, PLAN.policy)
    assert again.manifest == bundle.manifest
    assert again.sha256 == hashlib.sha256((bundle.path / "model.txt").read_bytes()).hexdigest()


def test_a_bundle_works_wherever_its_folder_is_moved(bundle: Bundle, tmp_path: Path) -> None:
    moved = shutil.move(bundle.path, tmp_path / "elsewhere")
    assert load_bundle(Path(moved)).version == bundle.version


@pytest.mark.parametrize("name", ["model.txt", "contract.json", "manifest.json", "reference.parquet", "golden.jsonl"])
def test_a_missing_file_is_named(bundle: Bundle, name: str) -> None:
    (bundle.path / name).unlink()
    with pytest.raises(BundleError, match=rf"{name} cannot be read \(No such file"):
        load_bundle(bundle.path)


def test_a_named_pipe_in_place_of_a_file_is_refused_without_waiting_for_a_writer(bundle: Bundle) -> None:
    (bundle.path / "golden.jsonl").unlink()
    os.mkfifo(bundle.path / "golden.jsonl")
    with pytest.raises(BundleError, match=r"golden\.jsonl is not a file"):
        load_bundle(bundle.path)


@pytest.mark.parametrize("name", ["model.txt", "contract.json", "reference.parquet", "golden.jsonl"])
@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda _: b"", lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_a_damaged_file_is_caught_by_its_hash(bundle: Bundle, name: str, damage: Callable[[bytes], bytes]) -> None:
    file = bundle.path / name
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(BundleError, match=rf"the SHA-256 of {name} is not the one in manifest\.json"):
        load_bundle(bundle.path)


def test_a_missing_folder_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nowhere cannot be used: there is no such folder.*stream-app train"):
        load_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": 1}'])
def test_a_manifest_that_is_none_is_refused(bundle: Bundle, text: str) -> None:
    (bundle.path / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match=r"manifest\.json is not a manifest"):
        load_bundle(bundle.path)


def test_an_edited_policy_is_caught_by_the_version(bundle: Bundle) -> None:
    file = bundle.path / "manifest.json"
    file.write_text(file.read_text().replace('"cost_ratio": 10.0', '"cost_ratio": 1.0'))
    with pytest.raises(BundleError, match=r"manifest\.json was changed after it was written"):
        load_bundle(bundle.path)


def test_a_manifest_without_a_hash_is_refused(bundle: Bundle) -> None:
    seal(bundle, msgspec.structs.replace(bundle.manifest, files={}))
    with pytest.raises(BundleError, match=r"no SHA-256 for model\.txt"):
        load_bundle(bundle.path)


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("model.txt", lambda _: b"not trees", r"model\.txt is not a LightGBM model"),
        ("model.txt", lambda _: b"\xff", r"model\.txt is not a LightGBM model"),
        ("model.txt", lambda b: b[: len(b) // 2], r"model\.txt is not a LightGBM model"),
        ("model.txt", lambda b: b[b.index(b"tree_sizes") :], r"model\.txt is not a LightGBM model"),
        ("model.txt", lambda b: b.replace(b"left_child=1", b"left_child=0"), r"model\.txt is not a LightGBM model"),
        ("model.txt", lambda b: b.replace(b"income children", b"children income"), "reads other features"),
        ("model.txt", lambda b: b.replace(b"leaf_value=-1", b"leaf_value=-2", 1), "golden rows get another"),
        ("contract.json", lambda _: b"{}", r"contract\.json is not a contract"),
        ("contract.json", lambda b: b.replace(b'"own"', b'"rent"'), r"lists category 'rent' twice"),
        ("contract.json", lambda b: b.replace(b'"income"', b'"wage"'), "reads other features"),
        ("golden.jsonl", lambda _: b"", "0 of 0 golden rows"),
        ("golden.jsonl", lambda _: b"{}\n", r"golden\.jsonl does not hold golden rows"),
        ("golden.jsonl", lambda b: b.replace(b'_default":0.', b'_default":0.9', 1), "1 of 49 golden rows"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_together_are_refused_though_every_hash_is_right(
    bundle: Bundle, name: str, change: Callable[[bytes], bytes], problem: str
) -> None:
    content = (bundle.path / name).read_bytes()
    assert change(content) != content
    rewrite(bundle, name, change(content))
    with pytest.raises(BundleError, match=problem):
        load_bundle(bundle.path)


def test_an_existing_bundle_is_left_alone_unless_replacing_is_asked_for(bundle: Bundle, draft: Draft) -> None:
    before = (bundle.path / "manifest.json").stat().st_mtime_ns
    with pytest.raises(OutputError, match="exists already"):
        draft.write(bundle.path)
    assert (bundle.path / "manifest.json").stat().st_mtime_ns == before
    assert draft.write(bundle.path, replace=True).version == bundle.version


def test_a_folder_that_holds_more_than_a_bundle_is_never_replaced(draft: Draft, tmp_path: Path) -> None:
    draft.write(tmp_path / "home")
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="holds other files than a bundle's"):
        draft.write(tmp_path / "home", replace=True)
    assert (tmp_path / "home" / "letter.txt").read_text() == "dear"


def test_a_bundle_that_does_not_verify_leaves_nothing_behind(draft: Draft, tmp_path: Path) -> None:
    broken = msgspec.structs.replace(CONTRACT, features=CONTRACT.features[:2]).to_json()
    with pytest.raises(BundleError):
        Draft({**draft.files, "contract.json": broken}, draft.manifest, draft.model_card, ()).write(tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_that_does_not_verify_leaves_the_old_one_in_place(bundle: Bundle, draft: Draft) -> None:
    broken = {**draft.files, "model.txt": b"no model"}
    with pytest.raises(BundleError):
        Draft(broken, draft.manifest, draft.model_card, ()).write(bundle.path, replace=True)
    assert load_bundle(bundle.path).version == bundle.version
    assert list(bundle.path.parent.iterdir()) == [bundle.path]


def test_a_disk_that_refuses_is_one_message(draft: Draft, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot write"):
        draft.write(tmp_path / "file" / "bundle")


def test_the_shipped_bundle_verifies() -> None:
    assert load_bundle(shipped_bundle()).name == "sba"
