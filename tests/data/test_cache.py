"""What is kept on disk: whole or not at all, found again by what it depends on, given up oldest first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from emofuse.data import cache as caching
from emofuse.data.cache import ArrayCache, file_digest, kept, key_of, prune
from emofuse.errors import RunError
from emofuse.layout import cache_folder

FRAMES = np.arange(600, dtype=np.float16).reshape(30, 20)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of this test's own."""
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def written(key: str = key_of(a=1)) -> tuple[str, Path]:
    """Write an entry and return its key and its file."""
    cache = ArrayCache("features")
    cache.put(key, {"frames": FRAMES})
    return key, cache.path(key)


def test_the_folder_is_the_one_that_the_environment_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert cache_folder() == folder
    assert written()[1].is_relative_to(folder / "features")
    for nothing in (lambda: monkeypatch.setenv("EMOFUSE_CACHE", ""), lambda: monkeypatch.delenv("EMOFUSE_CACHE")):
        nothing()
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        assert cache_folder() == tmp_path / ".cache" / "emofuse"


def test_what_is_put_is_got_bit_for_bit() -> None:
    cache = ArrayCache("features")
    arrays = {
        "half": np.array([[0.1, -65504.0], [6e-8, np.nan]], dtype=np.float16),
        "single": np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32).transpose(1, 0, 2),
        "none": np.zeros((0, 7), dtype=np.float16),
    }
    assert cache.get("ab") is None
    cache.put("ab", arrays)
    got = cache.get("ab")
    assert got is not None
    assert got.keys() == arrays.keys()
    for name, values in arrays.items():
        assert got[name].dtype == values.dtype
        np.testing.assert_array_equal(got[name], values)
    assert (cache.hits, cache.damaged) == (1, 0)


def test_what_is_got_may_be_changed_without_changing_what_is_kept() -> None:
    key, _ = written()
    cache = ArrayCache("features")
    first = cache.get(key)
    assert first is not None
    first["frames"][:] = 0
    again = cache.get(key)
    assert again is not None
    np.testing.assert_array_equal(again["frames"], FRAMES)


def test_a_key_depends_on_every_input_and_not_on_their_order() -> None:
    assert key_of(a=1, b=[2, None]) == key_of(b=[2, None], a=1)
    keys = {
        key_of(),
        key_of(a=1),
        key_of(a=1.5),
        key_of(a="1"),
        key_of(b=1),
        key_of(a=None),
        key_of(a={"b": 1}),
        key_of(a={"b": 1, "c": None}),
    }
    assert len(keys) == 8
    with pytest.raises(TypeError, match="not JSON serializable"):
        key_of(a=Path("x"))


@pytest.mark.parametrize("place", [0, 3, 40, -1, -300, -1000])
def test_one_flipped_bit_anywhere_is_noticed_and_the_entry_given_up(place: int) -> None:
    key, path = written()
    content = bytearray(path.read_bytes())
    content[place] ^= 0x04
    path.write_bytes(content)
    cache = ArrayCache("features")
    assert cache.get(key) is None
    assert (cache.hits, cache.damaged) == (0, 1)
    assert not path.exists()


@pytest.mark.parametrize("left", [0, 1, 8, 60, -1, -500])
def test_a_truncated_entry_is_noticed(left: int) -> None:
    key, path = written()
    path.write_bytes(path.read_bytes()[:left])
    cache = ArrayCache("features")
    assert cache.get(key) is None
    assert cache.damaged == 1
    cache.put(key, {"frames": FRAMES})
    assert cache.get(key) is not None


def test_numbers_exchanged_between_two_arrays_are_noticed() -> None:
    cache = ArrayCache("features")
    cache.put("ab", {"a": np.zeros(4, np.float32), "b": np.ones(4, np.float32)})
    content = cache.path("ab").read_bytes()
    cache.path("ab").write_bytes(content.replace(b'"a"', b'"?"').replace(b'"b"', b'"a"').replace(b'"?"', b'"b"'))
    assert cache.get("ab") is None


def test_what_is_no_entry_of_ours_is_given_up() -> None:
    cache = ArrayCache("features")
    path = cache.path("ab")
    path.parent.mkdir(parents=True)
    for content in (b"", b"not safetensors at all", b"\xff" * 64):
        path.write_bytes(content)
        assert cache.get("ab") is None
    assert cache.damaged == 3


def test_a_damaged_entry_that_may_not_be_deleted_is_computed_again_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, path = written()
    path.write_bytes(path.read_bytes()[:-3])

    def refuse(*given: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    cache = ArrayCache("features")
    assert cache.get(key) is None
    assert cache.damaged == 1


def test_a_cache_that_cannot_be_written_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "file"))
    cache = ArrayCache("features")
    assert cache.get("ab") is None
    with pytest.raises(RunError, match=r"file/features/.*: cannot be written \(.*\); choose another") as caught:
        cache.put("ab", {"frames": FRAMES})
    assert "\n" not in str(caught.value)


def test_no_temporary_file_is_left_where_writing_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(RunError, match="No space left on device"):
        written()
    assert not [path for path in folder.rglob("*") if path.is_file()]


WRITER = """
import sys, numpy as np
from emofuse.data.cache import ArrayCache, key_of
cache = ArrayCache("features")
for turn in range(20):
    for number in range(10):
        key = key_of(number=number)
        got = cache.get(key)
        if got is None or turn % 2:
            cache.put(key, {"frames": np.full((50, 40), number, np.float32)})
        else:
            assert (got["frames"] == number).all()
print(cache.damaged)
"""


def test_two_processes_that_write_the_same_keys_disturb_neither_other(folder: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        said, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert said.strip() == "0"
    cache = ArrayCache("features")
    for number in range(10):
        got = cache.get(key_of(number=number))
        assert got is not None
        assert (got["frames"] == number).all()
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 10


def test_writers_with_one_process_number_do_not_share_a_temporary_file() -> None:
    """Threads have one, and so have, often, processes in two containers that share a cache."""

    def write(number: int) -> None:
        ArrayCache("features").put("ab", {"frames": np.full((300, 400), number % 4, np.float32)})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(80)))
    got = ArrayCache("features").get("ab")
    assert got is not None
    assert len(np.unique(got["frames"])) == 1


def test_a_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"sound")
    second.write_bytes(b"sound")
    assert file_digest(first) == file_digest(second)
    second.write_bytes(b"other")
    os.utime(second, ns=(1, 1))  # even where the clock has not moved on
    assert file_digest(first) != file_digest(second)
    with pytest.raises(FileNotFoundError):
        file_digest(tmp_path / "gone")


def test_a_file_that_has_not_changed_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"sound")
    before = file_digest(path)
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("read again"))
    assert file_digest(path) == before


def entries(count: int) -> list[Path]:
    """Write entries, the later the more recently used, a thousand seconds apart and long ago."""
    cache, paths = ArrayCache("features"), []
    for number in range(count):
        cache.put(key := key_of(number=number), {"frames": FRAMES})
        paths.append(cache.path(key))
        os.utime(paths[-1], (1e9 + 1000 * number, 1e9 + 1000 * number))
    return paths


def test_pruning_keeps_what_was_used_last() -> None:
    paths = entries(6)
    size = paths[0].stat().st_size
    assert prune(2 * size + 1) == (4, 4 * size)
    assert [path.exists() for path in paths] == [False] * 4 + [True] * 2
    assert prune(2 * size) == (0, 0)
    assert prune() == (2, 2 * size)
    assert not list(kept())


def test_reading_counts_as_use() -> None:
    paths = entries(3)
    ArrayCache("features").get(key_of(number=0))
    assert paths[0].stat().st_mtime > 1e9 + 1e6  # whether the file system notes that a file is read or not
    size = paths[0].stat().st_size
    prune(size)
    assert [path.exists() for path in paths] == [True, False, False]


def test_pruning_reaches_every_kind_and_what_killed_processes_left(folder: Path) -> None:
    entries(1)
    (folder / "transcripts").mkdir()
    (folder / "transcripts" / "a.json").write_text(json.dumps({"text": "x"}))
    (folder / "features" / ".abc.tmp").write_bytes(b"half")
    os.utime(folder / "features" / ".abc.tmp", (0, 0))
    (folder / "features" / ".new.tmp").write_bytes(b"being written")
    (folder / "looks").mkdir()
    (folder / "looks" / "folds").write_text("a run")
    assert {one.kind for one in kept()} == {"features", "transcripts"}
    assert prune()[0] == 3
    assert (folder / "looks" / "folds").is_file()
    assert (folder / "features" / ".new.tmp").is_file()


def test_a_cache_that_is_not_there_is_empty(folder: Path) -> None:
    assert not list(kept())
    assert prune() == (0, 0)
    assert not folder.exists()


def test_files_that_others_delete_meanwhile_disturb_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = entries(3)
    listed = sorted
    seen = []

    def then_delete(values: object, **options: object) -> list[object]:
        found = listed(values, **options)  # type: ignore[call-overload]
        if not seen:
            paths[1].unlink()
        seen.append(1)
        return found  # type: ignore[no-any-return]

    monkeypatch.setattr(caching, "sorted", then_delete, raising=False)
    assert {one.path for one in kept()} == {paths[0], paths[2]}


def test_a_file_that_cannot_be_deleted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entries(1)

    def refuse(*given: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(RunError, match=r"\.safetensors: cannot be deleted \(Permission denied\)"):
        prune()


def test_what_was_read_is_held_in_memory_up_to_a_limit() -> None:
    (one, path), (two, other) = written(key_of(a=1)), written(key_of(a=2))
    cache = ArrayCache("features", memory=FRAMES.nbytes + 1)
    assert cache.get(one) is not None
    assert cache.get(two) is not None
    path.unlink()
    other.unlink()
    held = cache.get(one)
    assert held is not None
    np.testing.assert_array_equal(held["frames"], FRAMES)
    assert cache.get(two) is None
    assert cache.hits == 3
