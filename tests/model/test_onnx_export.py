"""A network and its graph say the same, whatever the sizes of the batch and whatever is absent from it."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from networks import BANKS, BINS, SPEECH, TEXT, inputs, logits, network, pad, roberta
from torch import Tensor, nn
from transformers import PreTrainedConfig

import emofuse
from emofuse.data.preparation import Batch
from emofuse.errors import CheckpointError, MissingExtraError
from emofuse.model.encoders.small_encoders import LogMelCNNConfig, WaveformCNNConfig, WordCNNConfig
from emofuse.model.network import EmotionModel
from emofuse.model.onnx_export import INPUTS, OnnxLSTM, write_graph
from emofuse.types.arrays import Float32Array

TOLERANCE = 1e-4
LORA = {"rank": 2, "alpha": 4, "dropout": 0.1}
AFFECT = {"dimensions": ["valence", "arousal"], "ranges": [[1.0, 5.0], [-1.0, 1.0]]}
WORDS = WordCNNConfig(vocab_size=100, hidden_size=32, layers=2)
Rows = list[tuple[Tensor, Tensor]]


def shallow(encoder: PreTrainedConfig) -> PreTrainedConfig:
    """Return an encoder of one layer: a second one of its kind shows nothing new, and takes seconds to write."""
    encoder = copy.deepcopy(encoder)
    encoder.num_hidden_layers = 1
    return encoder


# Name -> how its network is built, and how many bins it hears; 0 is the waveform.
NETWORKS: dict[str, tuple[Callable[[], EmotionModel], int]] = {
    "wav2vec2 group norm, bert": (
        lambda: network(shallow(SPEECH["wav2vec2 group norm"]), shallow(TEXT["bert"])),
        0,
    ),
}
# Writing a graph takes ten seconds and more of a core: these are among the slow tests.
REST: dict[str, tuple[Callable[[], EmotionModel], int]] = {
    "wav2vec2 layer norm, roberta; layers, dimensions": (
        lambda: network(
            SPEECH["wav2vec2 layer norm"], TEXT["roberta"], audio_layers="weighted", text_layers=1, **AFFECT
        ),
        0,
    ),
    "hubert layer norm, distilbert; late, adapters, any number of labels": (
        lambda: adapted(
            network(
                shallow(SPEECH["hubert layer norm"]),
                shallow(TEXT["distilbert"]),
                fusion="late",
                multi_label=True,
                audio_adapter=LORA,
                text_adapter=LORA,
                **AFFECT,
            )
        ),
        0,
    ),
    "roberta alone": (lambda: network(None, shallow(TEXT["roberta"])), 0),
    "wavlm alone; mean": (lambda: network(shallow(SPEECH["wavlm"]), None, pooling="mean"), 0),
    "hubert group norm, minilm": (
        lambda: network(shallow(SPEECH["hubert group norm"]), shallow(TEXT["minilm"])),
        0,
    ),
    "hubert batch norm": (lambda: network(shallow(SPEECH["hubert batch norm"]), None), 0),
    "wavlm, mpnet": (lambda: network(shallow(SPEECH["wavlm"]), shallow(TEXT["mpnet"])), 0),
    "wavlm layer norm, xlm-roberta; adapters, layers": (
        lambda: adapted(
            network(
                SPEECH["wavlm layer norm"], TEXT["xlm-roberta"], audio_adapter=LORA, audio_layers=0, text_layers=0
            )
        ),
        0,
    ),
    "data2vec-audio": (lambda: network(shallow(SPEECH["data2vec-audio"]), None), 0),
    "w2v-bert, deberta": (
        lambda: network(shallow(BANKS["w2v-bert"]), shallow(TEXT["deberta-v3"])),
        BINS["w2v-bert"],
    ),
    "w2v-bert; adapters, layers": (
        lambda: adapted(network(BANKS["w2v-bert"], None, audio_adapter=LORA, audio_layers="weighted")),
        BINS["w2v-bert"],
    ),
    "whisper, roberta; adapters, layers": (
        lambda: adapted(
            network(
                BANKS["whisper"],
                roberta(),
                audio_adapter=LORA,
                audio_layers="weighted",
                audio_window="clip",
                text_layers="weighted",
            )
        ),
        BINS["whisper"],
    ),
    "waveform cnn, modernbert": (lambda: network(WaveformCNNConfig(hidden_size=32), TEXT["modernbert"]), 0),
    "log-mel cnn, word cnn; residual, feed-forward, one way": (
        lambda: network(
            LogMelCNNConfig(hidden_size=32),
            WORDS,
            residual=True,
            feed_forward=64,
            asks="audio",
            auxiliary=True,
            head_hidden=16,
            head_norm=True,
            audio_norm="batch",
            text_norm="layer",
        ),
        64,
    ),
    "log-mel cnn, word cnn; side by side, not recurrent": (
        lambda: network(
            LogMelCNNConfig(hidden_size=32),
            WORDS,
            fusion="concatenation",
            recurrent=False,
            head_hidden=16,
            head_norm="batch",
        ),
        64,
    ),
}
EVERY = [*NETWORKS, *(pytest.param(name, marks=pytest.mark.slow) for name in REST)]
# The largest: a text of 50 pieces, where 40 are the maximum; sound of 300 samples, where 400 make a frame.
SAMPLES, PIECES = (5431, 16_293, 300, 0, 9001), (7, 50, 1, 5, 0)
# Whisper's window holds 200 frames here.
FRAMES = (31, 103, 1, 0, 350)


def adapted(model: EmotionModel) -> EmotionModel:
    """Give adapters something to say: they begin as nothing."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0.0, 0.1)
    return model


def batch_of(rows: Rows) -> Batch:
    audio, text = pad([a for a, _ in rows]), pad([t for _, t in rows])
    return Batch(*(tensor.numpy() for tensor in (*audio, *text)))


class Written:
    """A network, and the graph that it was written as."""

    def __init__(self, model: EmotionModel, bins: int, path: Path) -> None:
        self.model, self.bins, self.path = model, bins, path
        steps = (100, 83) if bins else (16_000, 13_280)
        write_graph(model, batch_of(inputs(list(steps), [9, 7], bins=bins)), path)
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.names = [node.name for node in self.session.get_inputs()]
        self.outputs = [node.name for node in self.session.get_outputs()]

    def rows(self, steps: tuple[int, ...] = (), pieces: tuple[int, ...] = PIECES) -> Rows:
        return inputs(list(steps or (FRAMES if self.bins else SAMPLES)), list(pieces), bins=self.bins)

    def run(self, batch: Batch) -> list[Float32Array]:
        arrays = batch.arrays()
        return self.session.run(None, {name: arrays[name] for name in self.names})  # type: ignore[no-any-return]

    def difference(self, rows: Rows) -> float:
        """Return how far the graph is from torch, dimensions and pooled vectors included."""
        with torch.no_grad():
            output = self.model(**{k: torch.from_numpy(v) for k, v in batch_of(rows).arrays().items()})
        wanted = [one for one in (output.logits, output.dimensions, output.pooled) if one is not None]
        said = self.run(batch_of(rows))
        return max(float(np.abs(a - b.numpy()).max()) for a, b in zip(said, wanted, strict=True))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Written]:
    """Return what writes a network of this page as a graph, once."""
    folder = tmp_path_factory.mktemp("graphs")

    @cache
    def write(name: str) -> Written:
        build, bins = (NETWORKS | REST)[name]
        return Written(build(), bins, folder / f"{len(list(folder.iterdir()))}.onnx")

    return write


@pytest.mark.parametrize("name", EVERY)
def test_graph_and_torch_agree_at_other_sizes_than_it_was_written_with(
    name: str, written: Callable[[str], Written]
) -> None:
    graph = written(name)
    assert logits(graph.model, graph.rows()).std() > 0.3  # the figures compared are of unit size
    assert graph.difference(graph.rows()) < TOLERANCE
    assert graph.difference(graph.rows((1,), (1,))) < TOLERANCE
    assert graph.difference(graph.rows((77,) * 3, (12, 80, 41))) < TOLERANCE


@pytest.mark.parametrize("name", EVERY)
def test_a_padded_batch_equals_its_utterances_one_by_one_through_the_graph(
    name: str, written: Callable[[str], Written]
) -> None:
    graph = written(name)
    rows = graph.rows()
    together = graph.run(batch_of(rows))
    alone = [np.concatenate(parts) for parts in zip(*(graph.run(batch_of([row])) for row in rows), strict=True)]
    for padded, single in zip(together, alone, strict=True):
        np.testing.assert_allclose(padded, single, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("modality", ["audio", "text"])
def test_what_stands_in_an_absent_modality_is_ignored(
    name: str, modality: str, written: Callable[[str], Written]
) -> None:
    """Exactly in its own row; in those beside it up to rounding."""
    graph = written(name)
    values, mask = INPUTS[modality]  # type: ignore[index]
    if values not in graph.names:
        pytest.skip(f"{name} has no {modality}")
    steps = (211, 150) if graph.bins else (4000, 5000)
    batch = batch_of(graph.rows(steps, (9, 50)))
    arrays = {key: array.copy() for key, array in batch.arrays().items()}
    arrays[mask][0] = False
    rng = np.random.default_rng(3)
    row = arrays[values][0]
    garbage = rng.integers(5, 100, row.shape) if modality == "text" else 30 * rng.standard_normal(row.shape)
    spoilt = arrays | {values: np.concatenate([garbage.astype(row.dtype)[None], arrays[values][1:]])}
    gone = arrays | {values: np.concatenate([np.zeros_like(row)[None], arrays[values][1:]])}
    for said, wanted in zip(graph.run(Batch(**spoilt)), graph.run(Batch(**gone)), strict=True):
        assert np.isfinite(said).all()
        assert np.array_equal(said[0], wanted[0])
        np.testing.assert_allclose(said, wanted, atol=1e-6, rtol=0)
    whole = graph.run(batch)[0]
    assert np.abs(graph.run(Batch(**gone))[0][0] - whole[0]).max() > 1e-3  # where it is present it counts


@pytest.mark.parametrize("name", EVERY)
def test_an_absent_modality_of_any_length_gives_what_one_of_no_length_gives(
    name: str, written: Callable[[str], Written]
) -> None:
    graph = written(name)
    if len(graph.names) < 4:
        pytest.skip(f"{name} has one modality")
    (audio, text), *_ = graph.rows((150,), (9,)) if graph.bins else graph.rows((5000,), (9,))
    for row in ((audio, text[:0]), (audio[:0], text)):
        short = graph.run(batch_of([row]))[0]
        long = graph.run(batch_of([row, (audio, text)]))[0][:1]
        np.testing.assert_allclose(short, long, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", EVERY)
def test_the_graph_takes_what_the_network_takes_and_tells_what_it_tells(
    name: str, written: Callable[[str], Written]
) -> None:
    graph = written(name)
    config = graph.model.config
    assert graph.names == [each for modality in config.modalities for each in INPUTS[modality]]
    assert graph.outputs == ["logits", *(["dimensions"] if config.dimensions else []), "pooled"]
    for node in (*graph.session.get_inputs(), *graph.session.get_outputs()):
        assert isinstance(node.shape[0], str)  # any batch
    assert all(isinstance(node.shape[1], str) for node in graph.session.get_inputs())  # any length


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_graph_tells_nothing_of_the_machine_that_wrote_it(
    name: str, written: Callable[[str], Written]
) -> None:
    content = written(name).path.read_bytes()
    for word in (
        str(Path(emofuse.__file__).parent),
        str(Path.home()),
        sys.prefix,
        "site-packages",
        ".py",
        "File ",
    ):
        assert word.encode() not in content, word


def test_the_network_is_its_own_again_after_an_export(written: Callable[[str], Written]) -> None:
    name = "wav2vec2 group norm, bert"
    graph = written(name)
    fresh = NETWORKS[name][0]()
    assert not any(isinstance(module, OnnxLSTM) for module in graph.model.modules())
    kinds = ([type(module).__name__ for module in model.modules()] for model in (graph.model, fresh))
    assert next(kinds) == next(kinds)
    assert list(graph.model.state_dict()) == list(fresh.state_dict())
    assert torch.equal(logits(graph.model, graph.rows()), logits(fresh, graph.rows()))
    fresh_graph = graph.model.train()
    fresh_graph(
        **{k: torch.from_numpy(v) for k, v in batch_of(graph.rows()).arrays().items()}
    ).logits.sum().backward()
    for name, parameter in fresh_graph.audio_features.named_parameters():
        assert parameter.grad is not None, name
    fresh_graph.zero_grad()
    fresh_graph.eval()


@contextmanager
def interrupted(monkeypatch: pytest.MonkeyPatch, model: EmotionModel) -> Iterator[dict[str, Any]]:
    """Let torch's exporter fail, and yield what it met."""
    met: dict[str, Any] = {}

    def fail(*_: Any, **__: Any) -> None:
        met["kinds"] = {type(module) for module in model.modules()}
        met["attention"] = model.audio_encoder.backbone.config._attn_implementation
        raise torch.onnx.OnnxExporterError("no such operator\nand how it\ncame to that")

    with monkeypatch.context() as patched:
        patched.setattr(torch.onnx, "export", fail)
        yield met


def test_what_cannot_be_written_is_refused_in_one_sentence_and_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = network(BANKS["w2v-bert"], TEXT["bert"])
    rows = inputs([31, 103], [7, 9], bins=BINS["w2v-bert"])
    before, kind = logits(model, rows), model.audio_encoder.backbone.config._attn_implementation
    with interrupted(monkeypatch, model) as met, pytest.raises(CheckpointError) as refusal:
        write_graph(model, batch_of(rows), tmp_path / "graph.onnx")
    assert str(refusal.value) == (
        "the network cannot be written as a graph: wav2vec2-bert and bert; use it with torch (no such operator "
        "and how it came to that)"
    )
    assert nn.LSTM not in met["kinds"]
    assert met["attention"] == "eager" != kind
    assert model.audio_encoder.backbone.config._attn_implementation == kind
    assert torch.equal(logits(model, rows), before)
    assert not list(tmp_path.iterdir())


def test_without_what_writes_graphs_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    model = network(None, WORDS)
    with pytest.raises(MissingExtraError, match=r'pip install "emofuse\[export\]"'):
        write_graph(model, batch_of(inputs([1, 1], [7, 9])), tmp_path / "graph.onnx")


@pytest.mark.slow
def test_the_batch_that_a_network_is_followed_with_leaves_no_trace(tmp_path: Path) -> None:
    paths = [tmp_path / "one.onnx", tmp_path / "other.onnx"]
    sizes = [([100, 83], [9, 7]), ([350, 57, 201], [3, 2, 61])]
    for path, (frames, pieces) in zip(paths, sizes, strict=True):
        model = network(shallow(BANKS["whisper"]), shallow(TEXT["bert"]))
        write_graph(model, batch_of(inputs(frames, pieces, bins=BINS["whisper"])), path)
    sessions = [onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in paths]
    arrays = batch_of(inputs([31, 103, 350], [50, 1, 9], bins=BINS["whisper"])).arrays()
    one, other = (session.run(None, arrays)[0] for session in sessions)
    np.testing.assert_allclose(one, other, atol=1e-6, rtol=0)
