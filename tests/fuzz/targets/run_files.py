"""The files of a run folder, of an output folder and of the cache, each in the place of a good one.

The first byte of an input chooses the file, the rest is what it holds.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

from small_run import make_run

from emofuse import layout
from emofuse.cli.predict.journal import Entry, Journal
from emofuse.cli.predict.receipt import read_receipt
from emofuse.data.transcription import _read_words
from emofuse.runs.run_folder import RunFolder
from emofuse.runs.system import TEXT


@functools.cache
def run() -> Path:
    return make_run(Path(tempfile.mkdtemp(prefix="emofuse-fuzz-")) / "run").folder.path


def everything(folder: Path) -> None:
    """Read what a run folder is asked for."""
    read = RunFolder.open(folder)
    job = read.job(TEXT, 1, 0)
    for one in (job.predictions, job.calibration, job.skips, job.without_modality):
        one()
    job.is_complete()
    assert read.recipe
    assert read.folds
    assert read.truth
    assert read.corpus_hash
    assert read.systems


def journal(path: Path) -> None:
    kept = Journal(path)
    try:
        kept.entries()
    finally:
        kept.close()


def in_run(name: str) -> Callable[[bytes, Path], object]:
    def read(data: bytes, folder: Path) -> None:
        path = run() / name
        before = path.read_bytes() if path.is_file() else None
        path.write_bytes(data)
        try:
            everything(run())
        finally:
            if before is None:
                path.unlink()
            else:
                path.write_bytes(before)

    return read


def alone(reader: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    def read(data: bytes, folder: Path) -> None:
        (folder / "file").write_bytes(data)
        reader(folder / "file")

    return read


JOB = "fold-1/seed-0/text/"
FILES: list[tuple[str, Callable[[bytes, Path], object]]] = [
    *((name, in_run(name)) for name in (layout.RECIPE, layout.FOLDS, layout.TRUTH, layout.RESULTS)),
    *((JOB + name, in_run(JOB + name)) for name in (layout.PREDICTIONS, layout.METRICS, layout.HISTORY)),
    ("journal", alone(journal)),
    ("receipt", alone(read_receipt)),
    ("words", alone(_read_words)),
]
SEEDS = {
    layout.TRUTH: b'{"id": "u0", "label": "angry", "fold": 1, "speaker": "s", "session": "1", "groups": {}}\n',
    layout.RESULTS: b'{"systems": {"text": {}}}',
    JOB + layout.HISTORY: b'{"epoch": 1, "validation": {"ua": 0.5, "wa": 0.5, "loss": 1.0}}\n',
    "journal": Entry("a", "a.wav", "0" * 64, "1" * 64, "predicted", 1.5).as_line(),
    "receipt": b'{"schema": 1, "receipt": "0"}',
    "words": b'{"id": "a", "source": "asr:x", "key": "k", "text": "a", "language": null, "confidence": null, '
    b'"words": []}\n',
}


def file(data: bytes, folder: Path) -> None:
    if data:
        FILES[data[0] % len(FILES)][1](data[1:], folder)


def seeds() -> list[bytes]:
    return [
        bytes([number]) + (SEEDS.get(name) or (run() / name).read_bytes())
        for number, (name, _) in enumerate(FILES)
    ]


READERS = [file]
