"""The benchmark: five systems side by side, each in a process of its own, and figures that follow from the times.

Nothing of torch is imported up here: workers import this module for the spy, and those of ONNX must do without.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any, get_args

import numpy as np
import pytest
from preloaded import call_in, preloaded_context

from emofuse import layout
from emofuse.data.preparation import AudioPreparation, Item, Preparation, TextPreparation
from emofuse.data.tokenization import learn_vocabulary
from emofuse.errors import CheckpointError, EmofuseError
from emofuse.inference.bench import measure as benchmark
from emofuse.inference.bench.bench_utterances import draw_seconds, in_chunks, make_items
from emofuse.inference.bench.measure import Plan, measure
from emofuse.inference.bench.speed_figures import Report, in_rounds, ratio, ratios_of, row_of, typical_seconds
from emofuse.inference.bench.systems import (
    SYSTEMS,
    BenchModels,
    ChunkResult,
    Folders,
    SystemName,
    open_system,
)
from emofuse.inference.bench.workers import open_worker
from emofuse.peak_memory import peak_memory_mb

FIVE = ["transformers single", "transformers batch", "torch", "onnx float32", "onnx int8"]
LABELS = ("angry", "happy", "neutral", "sad")
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
SPY = "EMOFUSE_BENCHMARK_SPY"


def save_tiny_network(folder: Path) -> None:
    """Write a small wav2vec 2.0 and BERT whose labels differ from one utterance to the next."""
    import torch
    from transformers import BertConfig, Wav2Vec2Config

    from emofuse.model.checkpoint import Checkpoint, save_checkpoint
    from emofuse.model.configuration import EmotionConfig
    from emofuse.model.masked_streams import as_tensors
    from emofuse.model.network import EmotionModel

    speech = {"conv_dim": (32,) * 7, "num_conv_pos_embedding_groups": 4, "num_conv_pos_embeddings": 16}
    named = {"id2label": dict(enumerate(LABELS)), "label2id": {name: i for i, name in enumerate(LABELS)}}
    text = BertConfig(vocab_size=100, **SMALL, max_position_embeddings=40)
    torch.manual_seed(0)
    audio = Wav2Vec2Config(**SMALL, **speech)
    config = EmotionConfig(audio_encoder=audio, text_encoder=text, width=32, heads=4, **named)
    model = EmotionModel(config).eval()
    preparation = make_preparation()
    batch = preparation.collate(make_items(preparation, [1.0, 2.0, 3.0, 4.0], 40, seed=3))
    with torch.no_grad():
        model.fusion.head.classifier.bias -= model(**as_tensors(batch.arrays())).logits.mean(dim=0)
    save_checkpoint(Checkpoint(model, preparation), folder)


def make_preparation() -> Preparation:
    words = " ".join(f"word{number}" for number in range(60))
    return Preparation(
        AudioPreparation(normalise=True), TextPreparation(learn_vocabulary([words] * 2, "words", 90))
    )


def spied_system(name: SystemName, folders: Folders, threads: int) -> Callable[[Sequence[Item]], ChunkResult]:
    """Open a system, and write down in which process it ran and what that has imported."""
    run = open_system(name, folders, threads)

    def spied(items: Sequence[Item]) -> ChunkResult:
        turn = run(items)
        loaded = [one for one in ("torch", "transformers", "onnxruntime") if one in sys.modules]
        seen = {"process": os.getpid(), "loaded": loaded}
        Path(os.environ[SPY], f"{name}.json").write_text(json.dumps(seen))
        return turn

    return spied


@contextmanager
def open_any_worker(name: str, opener: Callable[..., Any], *arguments: Any) -> Iterator[Callable[[Any], Any]]:
    """Open a worker; one that needs torch in a process that has loaded it."""
    with pytest.MonkeyPatch.context() as patch:
        if not name.startswith(("onnx", "matrix")):
            context = preloaded_context()
            patch.setattr(multiprocessing, "get_context", lambda kind: context)
            opener = partial(call_in, dict(os.environ), opener)
        opened = open_worker(name, opener, *arguments)
        with opened as run:
            patch.undo()
            yield run


@dataclass(frozen=True)
class Run:
    """What a benchmark said, and what was seen of it."""

    report: Report
    seen: dict[str, Any]
    told: list[tuple[str, int, int]]
    left_over: list[Any]


def ready_maker(made: BenchModels, place: Path, seed: int, threads: int) -> Callable[[Path | None], BenchModels]:
    """Return what gives models that are there, where a benchmark would export its model."""
    return lambda model: made


def ready_count(folder: Path, threads: int) -> Callable[[Sequence[Item]], int]:
    """Return what gives a number of operations without the network, whose own test_bench_networks counts."""
    return lambda items: 1_000_000


def ready_peak(threads: int) -> Callable[[int], float]:
    """Return what gives a peak of operations per second, which test_bench_networks measures."""
    return lambda times: 1e9


def small_models() -> BenchModels:
    """Return the small exports of all tests; made here, with torch, and only found by the workers."""
    from exports import exported_folder, model_folder, small_exported_folder

    from emofuse.inference.bench.bench_networks import describe
    from emofuse.model.checkpoint import load_checkpoint
    from emofuse.model.network import count_parameters

    folders = Folders(model_folder(), exported_folder(), small_exported_folder())
    network = load_checkpoint(folders.torch).model
    return BenchModels(folders, describe(network, folders.torch.name), count_parameters(network), None)


@dataclass(frozen=True)
class Benchmarked:
    """A model folder, its network in words, how many labels it gives at least, and what its benchmark opens."""

    folder: Path
    words: str
    labels: int
    openers: dict[str, Any]


# Two exports of encoders of `transformers` take a minute of a core, so that only the slow tests make them.
@pytest.fixture(scope="module", params=["small", pytest.param("tiny", marks=pytest.mark.slow)])
def benchmarked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Benchmarked:
    if request.param == "small":
        models = small_models()
        openers = {
            "open_maker": partial(ready_maker, models),
            "open_counter": ready_count,
            "open_peak": ready_peak,
        }
        words = "emofuse-log-mel-cnn + emofuse-word-cnn, cross-attention, width 16, 2 heads, 4 labels"
        return Benchmarked(models.folders.torch, words, 1, openers)
    folder = tmp_path_factory.mktemp("tiny") / "model"
    save_tiny_network(folder)
    words = "wav2vec2 + bert, cross-attention, width 32, 4 heads, 4 labels"
    return Benchmarked(folder, words, 2, {})


@pytest.fixture(scope="module")
def done(benchmarked: Benchmarked, tmp_path_factory: pytest.TempPathFactory) -> Run:
    spy, told = tmp_path_factory.mktemp("spy"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SPY, str(spy))
        patch.setattr(benchmark, "open_system", spied_system)
        patch.setattr(benchmark, "open_worker", open_any_worker)
        for name, opener in benchmarked.openers.items():
            patch.setattr(benchmark, name, opener)
        report = measure(Plan(benchmarked.folder, 1, utterances=10, rounds=2), lambda *what: told.append(what))
    seen = {path.stem: json.loads(path.read_text()) for path in spy.iterdir()}
    return Run(report, seen, told, multiprocessing.active_children())


def test_five_systems_run_each_in_a_process_of_its_own(done: Run) -> None:
    assert [row.system for row in done.report.rows] == FIVE == list(SYSTEMS) == list(get_args(SystemName))
    assert set(done.seen) == set(FIVE)
    assert len({seen["process"] for seen in done.seen.values()} | {os.getpid()}) == 6
    assert done.left_over == []


def test_workers_of_onnx_never_import_torch_nor_the_others_onnx(done: Run) -> None:
    for name in FIVE:
        expected = ["onnxruntime"] if name.startswith("onnx") else ["torch", "transformers"]
        assert done.seen[name]["loaded"] == expected


def test_memory_is_that_of_each_process_alone(done: Run) -> None:
    peaks = {row.system: row.peak_rss_mb for row in done.report.rows}
    assert peaks["onnx float32"] < peaks["torch"] / 2  # torch alone takes hundreds of MB, this process has it too


def test_torch_and_float32_agree_with_transformers_on_every_label(done: Run, benchmarked: Benchmarked) -> None:
    agreement = {row.system: row.label_agreement for row in done.report.rows}
    assert done.report.scope.labels_told >= benchmarked.labels
    assert agreement["transformers single"] == agreement["torch"] == agreement["onnx float32"] == 1.0
    assert all(0.0 <= share <= 1.0 for share in agreement.values())


def test_the_document_has_the_keys_that_are_promised(done: Run) -> None:
    document = json.loads(json.dumps(done.report.as_dict(), allow_nan=False))
    assert set(document) == {"schema", "scope", "rows", "ratios"}
    for row in document["rows"]:
        assert set(row) == {
            "system",
            "real_time_factor",
            "utterances_per_second",
            "peak_rss_mb",
            "label_agreement",
            "share_of_peak",
        }
        assert min(value for name, value in row.items() if name not in {"system", "label_agreement"}) > 0
    assert set(document["ratios"]) == {
        "onnx float32 / transformers single",
        "onnx int8 / transformers single",
        "onnx int8 / transformers batch",
        "torch / transformers single",
    }


def test_the_scope_says_what_the_figures_hold_for(done: Run, benchmarked: Benchmarked) -> None:
    scope = done.report.scope
    assert (scope.threads, scope.utterances, scope.rounds, scope.seed, scope.chunk) == (1, 10, 2, 0, 8)
    assert set(scope.versions) == {"torch", "transformers", "onnxruntime", "emofuse"}
    assert scope.cpu
    assert scope.model == f"{benchmarked.folder.name}: {benchmarked.words}"
    assert scope.parameters > 5_000
    assert scope.seconds.mean == pytest.approx(scope.seconds.total / 10)
    assert scope.seconds.shortest <= scope.seconds.mean <= scope.seconds.longest
    assert min(scope.gflop, scope.peak_gflops) > 0
    assert "no decoding" in scope.timed


def test_who_waits_is_told_what_is_done(done: Run) -> None:
    assert [what for what, _, _ in done.told] == ["exporting", "counting", "loading", *["measuring"] * 4]
    assert done.told[-1] == ("measuring", 4, 4)


def test_a_ratio_is_the_median_of_pairs_taken_side_by_side() -> None:
    assert ratio([[1.0, 1.0], [1.0, 4.0]], [[2.0, 3.0], [9.0, 4.0]]) == 2.5  # 2, 3, 9 and 1 times as fast
    same = [[0.3, 7.0], [0.5, 0.1]]
    assert ratio(same, same) == 1.0
    with pytest.raises(ValueError, match="shorter"):
        ratio([[1.0, 1.0]], [[1.0]])


def turns(
    seconds: Sequence[float], labels: Sequence[tuple[int, ...]], peak: float = 1.0
) -> list[list[ChunkResult]]:
    """Return two rounds of two chunks."""
    told = [
        ChunkResult(second, said, peak + at) for at, (second, said) in enumerate(zip(seconds, labels, strict=True))
    ]
    return in_rounds(told, 2)


def test_figures_follow_from_times_and_labels() -> None:
    slow = turns([8.0, 4.0, 6.0, 6.0], [(0, 1), (2, 3)] * 2)
    fast = turns([2.0, 2.0, 2.0, 0.5], [(0, 1), (2, 0), (3, 3), (3, 3)], peak=100.0)
    said = {name: fast if name == "onnx int8" else slow for name in SYSTEMS}
    assert typical_seconds([[8.0, 4.0], [6.0, 6.0]]) == 12.0
    row = row_of("onnx int8", said, sound=26.0, shortest=1.3)
    assert row.real_time_factor == 8.0  # 2 + 1.25 seconds for 26 of sound
    assert row.utterances_per_second == pytest.approx(4 / 3.25)
    assert row.peak_rss_mb == 103.0
    assert row.label_agreement == 0.75  # of the first round
    assert row.share_of_peak == pytest.approx(0.4)
    ratios = ratios_of(said)
    assert ratios["onnx int8 / transformers single"] == 3.5  # the median of 4, 2, 3 and 12
    assert ratios["torch / transformers single"] == 1.0


def test_lengths_are_those_of_iemocap_and_the_same_for_one_seed() -> None:
    seconds = draw_seconds(5000, seed=1)
    assert seconds == draw_seconds(5000, seed=1) != draw_seconds(5000, seed=2)
    assert mean(seconds) == pytest.approx(4.5, abs=0.15)
    assert min(seconds) >= 0.6
    assert max(seconds) <= 30.0


def test_utterances_have_sound_and_pieces_in_proportion_to_their_length() -> None:
    items = make_items(make_preparation(), [1.0, 4.0, 30.0], longest_text=40, seed=0)
    assert [len(item.values) for item in items if item.values is not None] == [16_000, 64_000, 480_000]
    assert [len(item.ids) for item in items if item.ids is not None] == [4, 12, 40]
    again = make_items(make_preparation(), [1.0, 4.0, 30.0], longest_text=None, seed=0)
    assert np.array_equal(items[0].values, again[0].values)
    assert [len(item.ids) for item in again if item.ids is not None] == [4, 12, 77]
    assert [len(chunk) for chunk in in_chunks(items * 3)] == [8, 1]


def test_a_model_without_sound_is_fed_pieces_only() -> None:
    only_text = Preparation(None, make_preparation().text)
    assert [item.modalities for item in make_items(only_text, [1.0, 2.0], None, seed=0)] == [("text",)] * 2


def test_where_there_is_no_torch_it_says_how_to_get_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "from emofuse.inference.bench.systems import open_maker\n"
        "open_maker(Path(sys.argv[1]), 0, 1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith(
        'a torch network needs an optional part: pip install "emofuse[train]"'
    )


def fails_to_open(reason: str) -> Callable[[int], int]:
    raise CheckpointError(reason)


def opens_then_fails(prefix: str) -> Callable[[int], int]:
    def answer(question: int) -> int:
        print(prefix, "speaks")  # noqa: T201
        raise ValueError(f"no answer\nto {question}")

    return answer


def test_what_a_worker_refuses_the_parent_refuses() -> None:
    with (
        pytest.raises(EmofuseError, match=r"^the folder is empty; fill it$"),
        open_worker("broken", fails_to_open, "the folder is empty; fill it"),
    ):
        pass
    assert multiprocessing.active_children() == []


def test_a_worker_that_fails_gives_one_sentence_and_is_gone(capfd: pytest.CaptureFixture[str]) -> None:
    said = r"^broken: failed with ValueError: no answer to 7$"
    with pytest.raises(EmofuseError, match=said), open_worker("broken", opens_then_fails, "it") as ask:
        ask(7)
    assert multiprocessing.active_children() == []
    captured = capfd.readouterr()
    assert captured.out == ""  # stdout is the command's
    assert captured.err == "it speaks\n"


def vanishes(code: int) -> Callable[[int], int]:
    os._exit(code)


@pytest.mark.parametrize("code", [3, 0])
def test_a_worker_that_vanishes_is_told_of(code: int) -> None:
    with (
        pytest.raises(EmofuseError, match=rf"^lost: its process is gone \(exit code {code}\)"),
        open_worker("lost", vanishes, code),
    ):
        pass
    assert multiprocessing.active_children() == []


def killed_at_work(_: str) -> Callable[[int], int]:
    return lambda question: os.kill(os.getpid(), question) or 0


def test_a_worker_for_which_there_was_no_memory_is_told_of() -> None:
    with (
        pytest.raises(
            EmofuseError, match=r"^large: its process is gone \(the system ended it, .* memory ran out\)"
        ),
        open_worker("large", killed_at_work, "") as ask,
    ):
        ask(9)
    assert multiprocessing.active_children() == []


def test_workers_end_when_the_parent_fails() -> None:
    with pytest.raises(KeyboardInterrupt), open_worker("idle", killed_at_work, ""):
        raise KeyboardInterrupt
    assert multiprocessing.active_children() == []


@pytest.mark.slow  # its process imports torch
def test_a_damaged_model_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    damaged = tmp_path / "model"
    save_tiny_network(damaged)
    (damaged / layout.WEIGHTS).unlink()
    with pytest.raises(EmofuseError, match="has no weights"):
        measure(Plan(damaged, 1, utterances=1, rounds=1))
    assert multiprocessing.active_children() == []


def test_what_is_no_model_folder_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere: no such model folder"):
        measure(Plan(tmp_path / "nowhere", 1))


def holds(megabytes: int) -> Callable[[None], float]:
    held = np.ones(megabytes * 2**17)
    return lambda _: peak_memory_mb() if held.all() else 0.0


def test_the_peak_of_memory_is_that_of_the_process_alone() -> None:
    del (large := [np.ones(400 * 2**17)])[0]  # this process has held 400 MB, and let go of them
    with open_worker("small", holds, 1) as small, open_worker("larger", holds, 200) as larger:
        alone, more = small(None), larger(None)
    assert large == []
    assert peak_memory_mb() > 400
    assert alone < 300
    assert more == pytest.approx(alone + 199, abs=20)
