"""What goes wrong while a command writes: the cells of the table in `docs/faults.md`.

Each operation is run in this process. Something happens to it in the midst: before a step of its own, which is
patched. Then it is run once more, with `--resume` where it has that, and must end with the bytes of a run that
nothing happened to. A killed process is a fork of this one: a process of its own that imports nothing again.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import soundfile
from command_line import call
from exports import exported_folder, model_folder
from noise_bursts import ENERGY, RATE, bursts
from small_corpus import make_corpus, write_tone
from tiny import write_recipe

from emofuse import layout
from emofuse.cli import output
from emofuse.cli.main import run
from emofuse.data.asr_engines import ENGINES, Transcript
from emofuse.data.manifest import save_corpus
from emofuse.experiment import crossval, train
from emofuse.inference import export, utterance_stream
from emofuse.inference.timeline import compose
from emofuse.sound.clips import Clip

pytestmark = pytest.mark.usefixtures("empty_pictures")
Happening = Callable[[], object]
KILLED_AFTER_SECONDS = 60


class Parrot:
    """A speech recognition engine that says how long a clip is."""

    name, version, languages = "parrot", "1", frozenset({"en"})

    def __init__(self, model: str = "") -> None:
        del model

    def __call__(self, clip: Clip, language: str | None) -> Transcript:
        return Transcript.of(f"it is {clip.seconds:.2f} long", "en", [])


@dataclass(frozen=True)
class Operation:
    """A command that writes.

    Attributes:
        arguments: of the command, but for `--out`.
        out: the name of what it writes: a file or a folder.
        step: what is patched: the object, and the name of its function.
        number: before which call of that function things happen.
        results: which of its files must be the same in the end.
        resume: whether it can go on where it was stopped.
        alone: whether it keeps other processes out.
        partial: what an earlier run has left, with which it goes on.
    """

    arguments: tuple[object, ...]
    out: str
    step: tuple[Any, str]
    number: int
    results: tuple[str, ...]
    resume: bool = True
    alone: bool = True
    partial: Path | None = None

    def call(self, capsys: pytest.CaptureFixture[str], place: Path, resume: bool = False) -> tuple[int, str, str]:
        self.begin(place)
        return call(capsys, *self.line(place, resume))

    def begin(self, place: Path) -> None:
        """Put there what an earlier run has left."""
        if self.partial is not None and not (place / self.out).exists():
            shutil.copytree(self.partial, place / self.out)

    def line(self, place: Path, resume: bool = False) -> list[str]:
        more = ("--resume",) if resume and self.resume else ()
        return [str(one) for one in (*self.arguments, "--out", place / self.out, *more)]

    def written(self, place: Path) -> dict[str, bytes]:
        """Return the results by name: of results.json, what two runs have in common."""
        folder = place / self.out if (place / self.out).is_dir() else place
        found = {path for pattern in self.results for path in folder.glob(pattern)}
        return {str(path.relative_to(folder)): _content(path) for path in sorted(found)}


def _content(path: Path) -> bytes:
    if path.name != layout.RESULTS:
        return path.read_bytes()
    document = json.loads(path.read_text())
    return json.dumps({key: value for key, value in document.items() if key not in ("cost", "looks")}).encode()


def copied_graph(_: object, folder: Path, int8: bool) -> dict[str, Any]:
    """Take a graph that is there already, and what was measured of it: both take seconds."""
    shutil.copyfile(exported_folder() / layout.GRAPH, folder / layout.GRAPH)
    parity: dict[str, Any] = json.loads((exported_folder() / layout.EXPORT).read_text())["parity"]
    return parity


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Operation]:
    folder = tmp_path_factory.mktemp("inputs")
    for number in range(3):
        write_tone(folder / "archive" / f"{number}.wav", 200 + 100 * number, 0.3, number)
    (folder / "talks").mkdir()
    for number in range(2):
        soundfile.write(folder / "talks" / f"{number}.wav", bursts(number)[: 6 * RATE], RATE)
    recipe, manifest = write_recipe(folder / "tiny.yaml"), folder / "tones.jsonl"
    save_corpus(make_corpus(folder / "tones", sessions=2), manifest)
    (folder / "table.csv").write_text("path,label,speaker\narchive/0.wav,sad,a\narchive/1.wav,happy,b\n")
    model, of_one_system = exported_folder(), ("--set", "training.epochs=2")
    archive = Operation(
        ("predict", model, folder / "archive", "--format", "jsonl"),
        "out",
        (utterance_stream, "read_clip"),
        2,
        (layout.PREDICTIONS,),
    )
    with in_the_midst(archive, lambda: signal.raise_signal(signal.SIGTERM)):
        assert run(archive.line(folder / "partial")) == 128 + signal.SIGTERM
    return {
        "archive": archive,
        "resume": replace(
            archive, arguments=(*archive.arguments, "--resume"), number=1, partial=folder / "partial" / "out"
        ),
        "timeline": Operation(
            ("predict", model, folder / "talks", *ENERGY, "--timeline", "--format", "csv"),
            "out",
            (compose, "find_turns"),
            2,
            ("?.csv",),
        ),
        "crossval": Operation(
            ("crossval", recipe, "--manifest", manifest, "--systems", "text", *of_one_system),
            "run",
            (crossval, "run_job"),
            2,
            (layout.RESULTS, f"fold-*/*/*/{layout.PREDICTIONS}"),
        ),
        "train": Operation(
            ("train", recipe, "--manifest", manifest, "--system", "text", *of_one_system),
            "run",
            (train.StateFile, "save"),
            2,
            (f"{layout.MODEL}/{layout.WEIGHTS}", f"{layout.MODEL}/{layout.CALIBRATION}"),
        ),
        "export": Operation(
            ("export", model_folder()), "small", (export, "make_graph"), 1, ("*",), resume=False, alone=False
        ),
        "prepare": Operation(
            ("prepare", "csv", folder / "table.csv"),
            "m.jsonl",
            (layout, "write_json_lines"),
            1,
            ("m.jsonl",),
            resume=False,
            alone=False,
        ),
        "transcribe": Operation(
            ("transcribe", manifest, "--asr", "parrot"),
            "m.jsonl",
            (Parrot, "__call__"),
            2,
            ("m*.jsonl",),
            alone=False,
        ),
    }


NAMES = (
    "archive",
    "timeline",
    pytest.param("crossval", marks=pytest.mark.slow),  # two runs of two jobs for each cell
    "train",
    pytest.param("export", marks=pytest.mark.slow),  # opens a model with torch twice for each cell
    "prepare",
    "transcribe",
    "resume",
)


@pytest.fixture(params=NAMES)
def operation(
    request: pytest.FixtureRequest,
    operations: dict[str, Operation],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Operation:
    monkeypatch.setattr(output, "LOG_LINE_SECONDS", 3600.0)
    monkeypatch.setitem(ENGINES, "parrot", Parrot)
    monkeypatch.setattr(export, "make_graph", copied_graph)
    monkeypatch.setenv("EMOFUSE_CACHE", str(tmp_path / "cache"))
    return operations[request.param]


UNDISTURBED: dict[str, dict[str, bytes]] = {}


@pytest.fixture
def wanted(operation: Operation, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, bytes]:
    """Return what a run writes to which nothing happens."""
    name = " ".join(operation.line(Path()))
    if name not in UNDISTURBED:
        code, _, err = operation.call(capsys, tmp_path / "undisturbed")
        assert code == 0, err
        UNDISTURBED[name] = operation.written(tmp_path / "undisturbed")
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    assert UNDISTURBED[name]
    return UNDISTURBED[name]


@contextmanager
def in_the_midst(operation: Operation, happening: Happening) -> Iterator[None]:
    """Let something happen once, before a step of an operation."""
    where, name = operation.step
    step, calls = getattr(where, name), iter(range(1, 10_000))

    def patched(*given: Any, **named: Any) -> Any:
        if next(calls) == operation.number:
            happening()
        return step(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, name, patched)
        yield


def check_one_sentence(err: str, code: int, wanted_code: int) -> str:
    """Check how a command that failed has ended; return its last line."""
    last = err.splitlines()[-1] if err else ""
    assert code == wanted_code, err
    assert last.startswith("error: "), err
    assert "Traceback" not in err
    return last


def hidden(folder: Path) -> list[Path]:
    """Return temporary files that were left."""
    return [path for path in folder.rglob(".*") if path.name != ".hidden"]


@contextmanager
def mounted(*arguments: str, at: Path) -> Iterator[None]:
    """Mount something, or skip where that is not allowed."""
    at.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *arguments, str(at)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def fill(folder: Path) -> None:
    """Leave no byte of the disk on which a folder is."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass


needs_mount = pytest.mark.skipif(shutil.which("mount") is None, reason="there is no mount")


@needs_mount
def test_a_full_disk(
    operation: Operation, wanted: dict[str, bytes], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    with mounted("-t", "tmpfs", "-o", "size=4m", "tmpfs", at=disk):
        with in_the_midst(operation, lambda: fill(disk)):
            code, _, err = operation.call(capsys, disk)
        assert "No space left on device" in check_one_sentence(err, code, 2)
        assert hidden(disk) == []
        (disk / "filler").unlink()
        code, _, err = operation.call(capsys, disk, resume=True)
        assert (code, operation.written(disk)) == (0, wanted), err


@needs_mount
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a folder once more, to be read only")
def test_permission_that_is_lost(
    operation: Operation, wanted: dict[str, bytes], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    within = place / operation.out if "." not in operation.out and operation.resume else place

    def lose() -> None:
        for options in (("--bind", str(within)), ("-o", "remount,bind,ro")):
            done = subprocess.run(["mount", *options, str(within)], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")

    try:
        with in_the_midst(operation, lose):
            code, _, err = operation.call(capsys, place)
    finally:
        subprocess.run(["umount", "--lazy", str(within)], check=False, capture_output=True)
    assert "Read-only file system" in check_one_sentence(err, code, 2)  # where nothing can be deleted either
    code, _, err = operation.call(capsys, place, resume=True)
    assert (code, operation.written(place)) == (0, wanted), err


def test_a_folder_that_is_removed(
    operation: Operation, wanted: dict[str, bytes], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What is written at one blow is written all the same: nothing of it was there to be lost."""
    place = tmp_path / "place"
    place.mkdir()
    at_one_blow = not operation.resume
    removed = place / operation.out if operation.alone else place
    with in_the_midst(operation, lambda: removed.rename(tmp_path / "removed")):
        code, _, err = operation.call(capsys, place)
    if at_one_blow and code == 0:
        assert operation.written(place) == wanted
        return
    check_one_sentence(err, code, 2)
    if removed.exists():  # made once more by what was being written, and by nothing after it
        shutil.rmtree(removed)
    code, _, err = operation.call(capsys, place)
    assert (code, operation.written(place)) == (0, wanted), err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_a_signal(
    operation: Operation,
    wanted: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    with in_the_midst(operation, lambda: signal.raise_signal(number)):
        code, _, err = operation.call(capsys, tmp_path / "place")
    assert f"stopped by {number.name}; " in check_one_sentence(err, code, 128 + number)
    assert not hidden(tmp_path / "place")
    code, _, err = operation.call(capsys, tmp_path / "place", resume=True)
    assert (code, operation.written(tmp_path / "place")) == (0, wanted), err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_process_that_is_killed(
    operation: Operation, wanted: dict[str, bytes], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    operation.begin(tmp_path / "place")
    child = os.fork()
    if child == 0:
        signal.alarm(KILLED_AFTER_SECONDS)
        with in_the_midst(operation, lambda: os.kill(os.getpid(), signal.SIGKILL)):
            run(operation.line(tmp_path / "place"))
        os._exit(9)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
    code, _, err = operation.call(capsys, tmp_path / "place", resume=True)
    assert (code, operation.written(tmp_path / "place")) == (0, wanted), err


def test_two_at_once(
    operation: Operation, wanted: dict[str, bytes], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The second is refused, or, where all is written at one blow, the later one writes the same once more."""
    codes: list[int] = []
    with in_the_midst(operation, lambda: codes.append(run(operation.line(tmp_path / "place")))):
        code, _, err = operation.call(capsys, tmp_path / "place")
    assert (code, operation.written(tmp_path / "place")) == (0, wanted), err
    assert not hidden(tmp_path / "place")
    if operation.alone:
        assert codes == [2]
        assert "another run is writing into it" in err
    elif operation.resume:
        assert codes == [2]
        assert "exists already" in err
    else:
        assert codes == [0]


@pytest.mark.parametrize("operation", ["crossval", "train"], indirect=True)
def test_recordings_that_change_while_they_are_read(
    operation: Operation, operations: dict[str, Operation], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Neither the run nor one that goes on with it has results of old and new sound."""
    manifest = Path(str(operation.arguments[operation.arguments.index("--manifest") + 1]))
    tone = manifest.parent / "tones" / "s1F_0.wav"
    before = tone.read_bytes()
    try:
        with in_the_midst(operation, lambda: tone.write_bytes(before[:-100] + bytes(100))):
            code, _, err = operation.call(capsys, tmp_path)
        assert "a recording was changed while the run went on" in check_one_sentence(err, code, 2)
        assert operation.written(tmp_path).keys().isdisjoint({layout.RESULTS, f"{layout.MODEL}/{layout.WEIGHTS}"})
        code, _, err = operation.call(capsys, tmp_path, resume=True)
        last = check_one_sentence(err, code, 2)
        assert "was run on other recordings" in last or "of another recipe or corpus" in last
    finally:
        tone.write_bytes(before)


@pytest.mark.parametrize("content", [b"", b"no sound any more"], ids=["emptied", "replaced"])
def test_a_recording_that_changes_before_it_is_read(
    operations: dict[str, Operation], content: bytes, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tone = write_tone(tmp_path / "tone.wav", 300, 0.3, 0)
    alone = replace(operations["archive"], arguments=("predict", exported_folder(), tone), number=1)
    with in_the_midst(alone, lambda: tone.write_bytes(content)):
        code, _, err = call(capsys, *alone.arguments)
    assert str(tone) in check_one_sentence(err, code, 2)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_one_recording_is_predicted(
    operations: dict[str, Operation],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    number: signal.Signals,
    code: int,
) -> None:
    tone = write_tone(tmp_path / "tone.wav", 300, 0.3, 0)
    alone = replace(operations["archive"], arguments=("predict", exported_folder(), tone), number=1)
    with in_the_midst(alone, lambda: signal.raise_signal(number)):
        ended, out, err = call(capsys, *alone.arguments)
    assert check_one_sentence(err, ended, code) == f"error: stopped by {number.name}; completed work is kept"
    assert out == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_full_disk_behind_the_output_of_one_recording(
    operations: dict[str, Operation],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tone = write_tone(tmp_path / "tone.wav", 300, 0.3, 0)
    with open("/dev/full", "w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        code = run(["predict", str(exported_folder()), str(tone)])
        full.write("and what is left fails no more")
    last = check_one_sentence(capsys.readouterr().err, code, 2)
    assert last.startswith("error: the output: No space left on device; ")
