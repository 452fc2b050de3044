"""Run one fuzz target: `python tests/fuzz/runner.py recipes --seconds 10`.

A target is a file in `targets/`; `README.md` says what it holds. Inputs come from atheris, which looks which lines
they reach, or where it is not installed from random changes of the corpus. For each input a reader must return or
raise an `EmofuseError`, within a second and 200 MB. An input that breaks this is kept in `found/`. All seconds are
processor time: a busy machine takes longer and tries as much.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import logging
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent
FOUND = HERE / "found"
# Of one input of up to 100 kB: processor time, and by how much peak memory may grow.
MOST_SECONDS, MOST_MEGABYTES, MOST_BYTES = 1.0, 200, 100_000
# Of a whole run: more is a leak.
MOST_GROWTH_MEGABYTES = 1_000
HANGING_SECONDS = 20
# Of a message, which is one sentence.
LONGEST_REFUSAL = 2_000
Reader = Callable[[bytes, Path], object]


class BrokenPromiseError(Exception):
    """A reader was slow, took much memory or hung."""


@dataclass
class Watched:
    """The readers of a target under the promise that all of them keep.

    Attributes:
        readers: each takes an input and an empty folder for it.
        folder: where inputs become files.
        executions: inputs so far.
    """

    readers: Sequence[Reader]
    folder: Path
    executions: int = 0
    first_peak: float = field(default_factory=lambda: _peak())

    def __call__(self, data: bytes) -> None:
        """Read one input with every reader."""
        from emofuse.errors import EmofuseError

        self.executions += 1
        peak = _peak()
        for reader in self.readers:
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, HANGING_SECONDS)
            try:
                reader(data, self.folder)
            except EmofuseError as error:
                if not str(error).strip() or len(str(error)) > LONGEST_REFUSAL:
                    raise BrokenPromiseError(f"{reader.__name__}: no sentence: {str(error)[:300]!r}") from error
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            spent = time.process_time() - began
            if spent > MOST_SECONDS and self.executions > 1:  # the first one imports
                raise BrokenPromiseError(f"{reader.__name__}: took {spent:.1f} s")
        grown = _peak() - peak
        if self.executions > 1 and (
            grown > MOST_MEGABYTES or _peak() - self.first_peak > MOST_GROWTH_MEGABYTES + MOST_MEGABYTES
        ):
            raise BrokenPromiseError(f"took {grown:.0f} MB, {_peak() - self.first_peak:.0f} MB in the whole run")


def load_target(name: str) -> Any:
    """Return the module of a target: `READERS`, and `seeds()` where its corpus is not all in files."""
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", HERE / "targets" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def names() -> list[str]:
    """Return the names of all targets."""
    return sorted(path.stem for path in (HERE / "targets").glob("*.py"))


def corpus_of(name: str, target: Any) -> list[bytes]:
    """Return the inputs that are changed: the files of its corpus, and those that it makes."""
    files = sorted((HERE / "corpus" / name).glob("*"))
    return [path.read_bytes() for path in files] + list(getattr(target, "seeds", list)())


def keep(name: str, data: bytes) -> Path:
    """Keep an input that broke the promise."""
    FOUND.mkdir(exist_ok=True)
    path = FOUND / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    return path


def changed(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Return an input that is changed in one to eight places."""
    result = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randint(0, len(result))
        length = min(len(result) - at, rng.choice((1, 1, 2, 4, 16, 64, 1024)))
        way = rng.randrange(7)
        if way == 0:
            result[at : at + length] = b""
        elif way == 1:
            result[at:at] = rng.randbytes(rng.randint(1, 8))
        elif way == 2:
            result[at:at] = rng.choice(WORDS)
        elif way == 3:
            result[at : at + length] = rng.choice(WORDS)
        elif way == 4:
            result[at:at] = bytes(result[at : at + length]) * rng.choice((1, 2, 10, 100))
        elif way == 5:
            other = rng.choice(others)
            start = rng.randint(0, len(other))
            result[at:at] = other[start : start + rng.randint(1, 200)]
        elif at < len(result):
            result[at] ^= 1 << rng.randrange(8)
    return bytes(result[:MOST_BYTES])


# What readers of numbers, names and structure stumble over.
WORDS = (
    b"[", b"{", b"[" * 100, b'{"a":' * 80, b"]", b"}", b'"', b"'", b":", b",", b"\n", b"\r\n", b"\t", b"\x00",
    b"-1", b"0", b"1e999", b"NaN", b"Infinity", b".inf", b".nan", b"9" * 30, b"9" * 400, b"9" * 5000,
    b"1" + b"0" * 9, b"-", b"null", b"true", b"&a ", b"*a", b"<<: ", b"!!int ", b"!!float ",
    b"!!python/name:os.system ", b"- ", b"? ", b"---\n", b"..", b"../", b"/", b"\\ud800", b"\xff",
    b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"a,b", b"x[0]", b"2020-01-01", b"#", b"%",
)  # fmt: skip


def fuzz_with_changes(watched: Watched, corpus: Sequence[bytes], seconds: float, seed: int) -> None:
    """Change the corpus at random for a time."""
    rng, end = random.Random(seed), time.process_time() + seconds
    while time.process_time() < end:
        one(watched, changed(rng.choice(corpus), corpus, rng))


def fuzz_with_atheris(name: str, seconds: float, grown: Path | None) -> NoReturn:
    """Let atheris change the corpus for a time, and what an earlier run added to it; the process ends here."""
    import atheris

    with atheris.instrument_imports(include=["emofuse"]):  # before anything of it is imported
        target = load_target(name)
    folder = Path(tempfile.mkdtemp(prefix="emofuse-fuzz-"))
    kept, inputs = grown or folder / "corpus", folder / "inputs"
    kept.mkdir(parents=True, exist_ok=True)
    inputs.mkdir()
    for number, data in enumerate(corpus_of(name, target)):
        (kept / f"{number:03}").write_bytes(data)
    watched, end = Watched(target.READERS, inputs), time.process_time() + seconds

    def read(data: bytes) -> None:
        one(watched, data)
        if time.process_time() > end:  # the library knows the time of the wall alone, and does not return
            sys.stdout.write(summary(name, watched, seconds))
            sys.stdout.flush()
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(0)

    FOUND.mkdir(exist_ok=True)
    options = [f"-max_len={MOST_BYTES}", "-rss_limit_mb=0", "-verbosity=0", f"-artifact_prefix={FOUND}/{name}-"]
    atheris.Setup([sys.argv[0], *options, str(kept)], read)
    atheris.Fuzz()
    raise SystemExit


def summary(name: str, watched: Watched, seconds: float) -> str:
    """Return the line that a run ends with when nothing was found."""
    return f"{name}: {watched.executions} inputs in {seconds:.0f} s of processor time, none broke it\n"


def one(watched: Watched, data: bytes) -> None:
    """Read one input; what fails is kept first."""
    try:
        watched(data)
    except BaseException as error:
        if not isinstance(error, KeyboardInterrupt):
            path = keep(Path(sys.argv[1] if len(sys.argv) > 1 else "input").name, data)
            sys.stderr.write(f"kept in {path}: {type(error).__name__}: {str(error)[:300]}\n")
        raise


def _peak() -> float:
    """Return the peak memory of this process, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _hanging(number: int, frame: FrameType | None) -> NoReturn:
    raise BrokenPromiseError(f"hung for more than {HANGING_SECONDS} s")


def prepare() -> None:
    """Set what every target needs before anything is imported."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("EMOFUSE_TESTS_SHARED", tempfile.mkdtemp(prefix="emofuse-fuzz-"))
    for place in (HERE.parents[1] / "src", HERE.parent / "doubles", HERE):
        sys.path.insert(0, str(place))
    logging.getLogger("emofuse").addHandler(logging.FileHandler(os.devnull))  # messages are made, and not shown
    signal.signal(signal.SIGPROF, _hanging)


def main(arguments: Sequence[str]) -> int:
    """Run one target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=names())
    parser.add_argument("--seconds", type=float, default=10.0, help="of processor time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path, help="where atheris keeps inputs that reach more, to go on from")
    parser.add_argument("--engine", choices=["auto", "atheris", "changes"], default="auto")
    chosen = parser.parse_args(arguments)
    prepare()
    found = importlib.util.find_spec("atheris") is not None
    if chosen.engine == "atheris" or (chosen.engine == "auto" and found):
        fuzz_with_atheris(chosen.target, chosen.seconds, chosen.corpus)
    target = load_target(chosen.target)
    corpus = corpus_of(chosen.target, target)
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched(target.READERS, Path(folder))
        for data in corpus:
            one(watched, data)
        fuzz_with_changes(watched, corpus, chosen.seconds, chosen.seed)
        sys.stdout.write(summary(chosen.target, watched, chosen.seconds))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
