"""Files that appear whole or not at all, and what is read back from damaged ones."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from echoes.io.arrays import load_arrays, save_arrays
from echoes.io.errors import InputError
from echoes.io.files import atomic_path, load_json, save_json

ARRAYS: dict[str, Any] = {
    "values": np.array([[0.1, -0.0], [np.nan, np.inf]]),
    "names": np.array(["TP53", "α"]),
    "none": np.zeros((0, 3)),
    "list": [1, 2],
    "number": 7,
}


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "er" / "out.npz"


def beside(path: Path) -> list[str]:
    return sorted(other.name for other in path.parent.iterdir())


def test_atomic_path_moves_the_finished_file(destination: Path) -> None:
    with atomic_path(destination) as partial:
        partial.write_text("new")
        assert not destination.exists()
        assert partial.parent == destination.parent
        assert partial.suffix == destination.suffix
    assert destination.read_text() == "new"
    assert beside(destination) == ["out.npz"]


@pytest.mark.parametrize("write", [True, False], ids=["after writing", "before writing"])
def test_atomic_path_leaves_nothing_on_failure(destination: Path, write: bool) -> None:
    def fail() -> None:
        with atomic_path(destination) as partial:
            if write:
                partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert beside(destination) == []


def test_atomic_path_keeps_an_older_file_on_failure(destination: Path) -> None:
    destination.parent.mkdir(parents=True)
    destination.write_text("older")

    def fail() -> None:
        with atomic_path(destination) as partial:
            partial.write_text("half")
            assert destination.read_text() == "older"
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert destination.read_text() == "older"
    assert beside(destination) == ["out.npz"]


def test_atomic_path_replaces_an_older_file(destination: Path) -> None:
    for text in ("older", "newer"):
        with atomic_path(str(destination)) as partial:
            partial.write_text(text)
    assert destination.read_text() == "newer"
    assert beside(destination) == ["out.npz"]


def test_a_block_that_writes_nothing_is_an_error(destination: Path) -> None:
    destination.parent.mkdir(parents=True)
    destination.write_text("older")
    with pytest.raises(FileNotFoundError), atomic_path(destination):
        pass
    assert destination.read_text() == "older"


def test_arrays_come_back_as_they_were(destination: Path) -> None:
    save_arrays(destination, ARRAYS)
    loaded = load_arrays(destination, *ARRAYS)
    for array, saved in zip(loaded, ARRAYS.values(), strict=True):
        expected = np.asarray(saved)
        assert array.dtype == expected.dtype
        assert array.shape == expected.shape
        assert array.tobytes() == expected.tobytes()
    assert beside(destination) == ["out.npz"]


def test_rows_are_kept_together(destination: Path) -> None:
    columns = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    save_arrays(destination, {"values": columns})
    (values,) = load_arrays(destination, "values")
    assert values.flags.c_contiguous
    np.testing.assert_array_equal(values, columns)


def test_arrays_are_read_in_the_order_asked_for(destination: Path) -> None:
    save_arrays(destination, {"a": 1, "b": 2, "c": 3})
    assert [int(array) for array in load_arrays(destination, "c", "a")] == [3, 1]


def test_the_same_arrays_make_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    save_arrays(first, ARRAYS)
    monkeypatch.setattr("time.time", lambda: 2e9)
    save_arrays(second, ARRAYS)
    assert first.read_bytes() == second.read_bytes()


def test_the_ending_of_a_name_is_not_completed(tmp_path: Path) -> None:
    save_arrays(tmp_path / "arrays", {"a": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["arrays"]


def test_objects_are_not_written(destination: Path) -> None:
    destination.parent.mkdir(parents=True)
    destination.write_text("older")
    with pytest.raises(ValueError, match="allow_pickle=False"):
        save_arrays(destination, {"a": np.array([{}], dtype=object)})
    assert destination.read_text() == "older"
    assert beside(destination) == ["out.npz"]


class Bomb:
    """Tell when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return pytest.fail, ("unpickled",)


def test_objects_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "out.npz"
    np.savez(path, a=np.array([Bomb()], dtype=object), b=np.arange(2))
    with pytest.raises(InputError, match="a"):
        load_arrays(path, "a")
    assert load_arrays(path, "b")[0].tolist() == [0, 1]


def test_a_missing_name_is_named(destination: Path) -> None:
    save_arrays(destination, {"a": 1})
    with pytest.raises(InputError, match="absent") as caught:
        load_arrays(destination, "a", "absent")
    assert caught.value.file == str(destination)
    assert "run the workflow again" in caught.value.remedy


def test_truncation_is_seen(destination: Path) -> None:
    save_arrays(destination, {"a": 1, "b": 2})
    whole = destination.read_bytes()
    for length in [*range(8), *range(8, len(whole), 17), len(whole) - 1]:
        destination.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"out\.npz: cannot read a, b"):
            load_arrays(destination, "a", "b")
    # What was left open is warned of here.
    gc.collect()


def test_a_changed_number_is_seen(destination: Path) -> None:
    save_arrays(destination, {"a": np.arange(3.0)})
    whole = bytearray(destination.read_bytes())
    at = whole.index(np.array(2.0).tobytes())
    whole[at + 7] ^= 0x10
    destination.write_bytes(whole)
    with pytest.raises(InputError, match="CRC"):
        load_arrays(destination, "a")


def test_a_changed_byte_is_harmless_or_seen(destination: Path) -> None:
    save_arrays(destination, {"a": np.arange(3.0)})
    whole = destination.read_bytes()
    other_errors = []
    for at in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        destination.write_bytes(damaged)
        try:
            (array,) = load_arrays(destination, "a")
        except InputError:
            continue
        except Exception as error:  # noqa: BLE001
            other_errors.append((at, type(error)))
            continue
        assert array.tolist() == [0, 1, 2]
    gc.collect()
    assert other_errors == []


@pytest.mark.parametrize("content", [b"", b"PK", b"text\n"], ids=["empty", "magic", "text"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "in.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"in\.npz"):
        load_arrays(path, "a")


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.arange(3))
    with pytest.raises(InputError, match=r"one\.npy"):
        load_arrays(tmp_path / "one.npy", "a")


def test_missing_files_are_named(tmp_path: Path) -> None:
    for load in (lambda path: load_arrays(path, "a"), load_json):
        with pytest.raises(FileNotFoundError) as caught:
            load(tmp_path / "none")
        assert caught.value.filename == str(tmp_path / "none") or caught.value.filename == (
            tmp_path / "none"
        )


def test_records_come_back_as_they_were(destination: Path) -> None:
    record = {"α": [1, 0.1, None], "b": {"c": "“x”", "d": True}}
    save_json(destination, record)
    assert load_json(destination) == record
    text = destination.read_bytes().decode()
    assert text.endswith("}\n")
    assert '"α"' in text
    assert json.loads(text) == record
    assert beside(destination) == ["out.npz"]


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_not_written(destination: Path, number: float) -> None:
    save_json(destination, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_json(destination, {"a": {"b": [number]}})
    assert load_json(destination) == {"a": 1}
    assert beside(destination) == ["out.npz"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1} x', b"\xff\xfe", b"[1]", b"1", b"null"])
def test_what_is_no_object_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "in.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"in\.json.*object"):
        load_json(path)
