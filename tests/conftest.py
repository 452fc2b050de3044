"""What all tests share: no hub, few threads, small corpora that the tests make themselves."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub
os.environ["OMP_NUM_THREADS"] = "1"  # before anything imports torch: small networks gain nothing from two
os.environ["TQDM_DISABLE"] = "1"  # before anything imports tqdm, as the command line does
os.environ["EMOFUSE_CACHE"] = tempfile.mkdtemp(prefix="emofuse-tests-")  # nothing of the user's is read or written
# One folder for all workers: pytest-xdist starts them from the process that has set this.
os.environ["EMOFUSE_TESTS_SHARED"] = os.environ.get("EMOFUSE_TESTS_SHARED") or tempfile.mkdtemp(prefix="emofuse-")

import pytest
from empty_pictures import no_drawing
from hypothesis import HealthCheck, settings
from small_corpus import make_corpus

from emofuse.data.manifest import save_corpus
from emofuse.sound.speech_turns import SpeechGate
from emofuse.threads import usable_processors
from emofuse.types import Corpus

atexit.register(shutil.rmtree, os.environ["EMOFUSE_CACHE"], ignore_errors=True)
if "PYTEST_XDIST_WORKER" not in os.environ:
    atexit.register(shutil.rmtree, os.environ["EMOFUSE_TESTS_SHARED"], ignore_errors=True)

# A busy machine fails nobody.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# More workers than this gain little: the longest files then decide, and each worker takes most of a gigabyte.
MOST_WORKERS = 8


def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers `-n auto` starts: one for each core that this process may use."""
    return min(usable_processors(), MOST_WORKERS)


# The files that take longest go first: the last worker to end then has nothing but short ones left.
LONGEST = (
    "model/test_onnx_export.py",
    "inference/test_benchmark.py",
    "flows/test_sigkill.py",
    "tools/test_box_text.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first, and leave the order of all others as it is."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Collect no garbage while tests are collected: what is loaded then is kept."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage from here on, without going through what is loaded already (a tenth of all time)."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def any_sound(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Call every sound speech, for most sounds of the tests are tones; tests marked `speech_gate` ask the gate."""
    if request.node.get_closest_marker("speech_gate") is None:
        monkeypatch.setattr(SpeechGate, "has_speech", lambda self, clip: True)


@pytest.fixture(scope="module")
def empty_pictures() -> Iterator[None]:
    """Let the runs of a file write empty pictures: drawing them takes half the time of a small run."""
    with no_drawing():
        yield


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return 24 tones of six speakers in three sessions, four labels, each told by pitch and by a word."""
    return make_corpus(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="session")
def manifest(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a manifest of the tones."""
    path = tmp_path_factory.mktemp("manifest") / "tones.jsonl"
    save_corpus(corpus, path)
    return path


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real recordings, or skip."""
    folder = Path(os.environ.get("EMOFUSE_DATA") or "nowhere")
    if not folder.is_dir():
        pytest.skip("EMOFUSE_DATA does not name a folder of real recordings")
    return folder
