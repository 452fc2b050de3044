"""Export a model folder, and measure the difference."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.box import find_trained_model, name_of
from emofuse.data.corpora.demo_corpus import demo_corpus
from emofuse.data.manifest import load_corpus
from emofuse.data.preparation import Item, Preparation
from emofuse.errors import CorpusError, RunError, brief_message
from emofuse.evaluation.calibration import Calibration
from emofuse.inference.exported_folder import Exported, Precision
from emofuse.inference.graphs import ExportSubject, largest_difference, make_graph
from emofuse.inference.model_folders import read_calibration
from emofuse.inference.torch_runtime import load_torch
from emofuse.inference.utterance_stream import prepare_utterance
from emofuse.model.network import count_parameters
from emofuse.types import Corpus

# The number of utterances on which the two are compared.
SAMPLE = 32
# Files that are copied from the model folder; for int8 they hold as far as the measured agreement.
COPIED = (layout.CALIBRATION, layout.EVALUATION, layout.SCOPE, layout.RELATIVE)
# All files that an exported folder may hold.
FILES = {
    layout.EXPORT,
    layout.GRAPH,
    f"{layout.GRAPH}.data",
    layout.PREPARATION,
    layout.TOKENIZER,
    layout.CARD,
    *COPIED,
}
CARD = """
## Exported

An ONNX graph in {precision}, exported with emofuse {version} from `{source}`; it needs neither torch nor
transformers. In float32 its logits differ from torch's by at most {largest:.1e}, on {batches} batches of other
sizes than it was traced with and on {n} utterances.{int8}
"""


def export(
    model: str | Path, out: str | Path, int8: bool = False, sample: Corpus | str | Path | None = None
) -> dict[str, Any]:
    """Write a model as an ONNX graph that runs without torch, and measure how far it is from the model.

    The folder holds the graph, `export.json` (labels, what was measured), preparation settings, vocabulary,
    calibration and card; `emofuse.load` takes it as it takes a model folder.

    Args:
        model: a model folder, a run folder with a model in it, or the name of a model in the box.
        out: the new folder; an exported one there is replaced.
        int8: write matrix products in 8 bits.
        sample: a corpus, or its manifest, similar to the future input. On every second of its first 64
            utterances the graph is compared with torch; with `int8`, the others give the scales for convolutions
            in 8 bits, which are kept where they are faster and agree with torch no less often. If None, the
            comparison is on the demo corpus, and convolutions stay in float32.

    Returns:
        What was measured, as `export.json` has it under `parity`.

    Raises:
        CheckpointError: there is no such model, it cannot be written as a graph, or the graph's logits are more
            than 1e-4 from torch's.
        CorpusError: nothing of the sample can be used.
        AudioError: a recording of the sample cannot be read.
        RunError: `out` cannot be written, or holds something else.
        MissingExtraError: torch, or what writes graphs, is not installed.
    """
    folder, target = find_trained_model(model), _free(Path(out))
    subject = _open(folder, sample)
    with layout.writing_folder(target, replace=True) as temporary:
        return _write(subject, folder, temporary, int8)


def _free(target: Path) -> Path:
    """Return the whole path of a folder that may be written: there is none, or an export and nothing else.

    Raises:
        RunError: there is something else, or the path cannot be one.
    """
    try:
        whole = target.resolve()
        entries = whole.iterdir() if whole.is_dir() else iter([whole] if whole.exists() else [])
        there = {entry.name for entry in entries}
    except (OSError, ValueError) as error:
        raise RunError(f"{target}: cannot be a new folder ({brief_message(error)}); choose another one") from error
    if not there <= FILES or (there and layout.EXPORT not in there):
        raise RunError(f"{target}: holds something that is not an export; choose another folder")
    return whole


def _open(folder: Path, sample: Corpus | str | Path | None) -> ExportSubject:
    """Read a model folder, and utterances to compare on; of a sample of the user's, others to take scales from."""
    runtime, preparation = load_torch(folder, "cpu")
    calibration = read_calibration(folder) or Calibration()
    if sample is None:
        return ExportSubject(runtime, preparation, calibration, _items(demo_corpus(), preparation, SAMPLE))
    corpus = sample if isinstance(sample, Corpus) else load_corpus(sample)
    items = _items(corpus, preparation, 2 * SAMPLE)
    return ExportSubject(runtime, preparation, calibration, items[::2], items[1::2])


def _items(corpus: Corpus, preparation: Preparation, most: int) -> list[Item]:
    """Prepare the first utterances that the model can take."""
    items: list[Item] = []
    for utterance in corpus:
        item = prepare_utterance(preparation, utterance).item
        if item.modalities:
            items.append(item)
        if len(items) == most:
            break
    if not items:
        raise CorpusError("the sample has no utterance that the model can take; name another one")
    return items


def _write(subject: ExportSubject, folder: Path, temporary: Path, int8: bool) -> dict[str, Any]:
    """Write all files of an exported folder; return what was measured."""
    parity = make_graph(subject, temporary, int8)
    subject.preparation.save(temporary)
    for name in COPIED:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, temporary / name)
    record = _record(subject, folder, "int8" if int8 else "float32", parity)
    _write_card(folder, temporary, record)
    record.save(temporary)
    return parity


def _record(subject: ExportSubject, folder: Path, precision: Precision, parity: dict[str, Any]) -> Exported:
    traits = subject.torch.traits
    return Exported(
        task=traits.task,
        modalities=traits.modalities,
        missing_modalities=traits.missing_modalities,
        precision=precision,
        source={"name": name_of(folder), "parameters": count_parameters(subject.torch.model)},
        parity=parity,
        versions={name: version(name) for name in ("emofuse", "torch", "onnx", "onnxruntime")},
    )


def _write_card(folder: Path, temporary: Path, record: Exported) -> None:
    """Write the model's own card, and below it what the export is."""
    card = folder / layout.CARD
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    whole = record.parity["float32"]
    int8 = ""
    if record.precision == "int8":
        sample = record.parity["int8"]["sample"]
        int8 = (
            f" In int8 it gives {sample['label_agreement']:.1%} of those utterances the same label, and a "
            f"probability differs by at most {max(one['probability'] for one in sample['labels'].values()):.3f}."
        )
    text += CARD.format(
        precision=record.precision,
        version=record.versions["emofuse"],
        source=record.source["name"],
        largest=largest_difference(whole),
        batches=len(whole["shapes"]),
        n=whole["sample"]["n"],
        int8=int8,
    )
    layout.write_text(temporary / layout.CARD, text)
