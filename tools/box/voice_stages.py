"""What the tools that train a voice share: stages done once, tables, figures of the speakers that are kept out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from corpus import EMOTIONAL, KEPT_OUT, LABELS_OF, only_speakers
from voice_scores import line_of, score_corpus

import emofuse
from emofuse import layout
from emofuse.data.labels import apply_policy
from emofuse.runs.labelled_utterances import labelled_utterances
from emofuse.types import Corpus, Fold, Prediction

COLUMNS = "| corpus | system | n | speakers | UA, its labels | UA, open |"
FIGURES = "figures.json"

assert set(EMOTIONAL) == set(LABELS_OF)


def options_of(description: str | None, recipe: Path) -> argparse.ArgumentParser:
    """Return a parser of what every voice takes: data, run folder, recipe, stages."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, default=recipe)
    parser.add_argument("--stages", help=f"Only these, with commas between; {FIGURES} is then not written.")
    return parser


def alteration_folders(data: Path) -> tuple[str, ...]:
    """Return the overrides of a recipe that say where noises and rooms are."""
    return (f"audio.alter.noises={data / 'noise'}", f"audio.alter.rooms={data / 'rooms'}")


def run_stages(stages: Mapping[str, Callable[[], Any]], out: Path, wanted: str | None) -> dict[str, Any]:
    """Run the stages whose figures are not there, and return stage -> figures of those that are wanted.

    Raises:
        SystemExit: there is no stage of that name.
    """
    names = wanted.split(",") if wanted else list(stages)
    if unknown := set(names) - set(stages):
        raise SystemExit(f"--stages: no {', '.join(sorted(unknown))}; there are {', '.join(stages)}")
    figures = {name: _once(out / f"{name}.json", stages[name]) for name in names}
    if len(figures) == len(stages):
        layout.write_json(out / FIGURES, figures)
    return figures


def _once(path: Path, stage: Callable[[], Any]) -> Any:
    if not path.is_file():
        layout.write_json(path, stage())
    return json.loads(path.read_text(encoding="utf-8"))


def show(figures: Mapping[str, Any], tables: Collection[str]) -> None:
    """Print the figures, those of some stages as tables of Markdown."""
    for name, found in figures.items():
        if name not in tables:
            print(f"\n{name}: {json.dumps(found)}")
            continue
        print(f"\n{name}\n\n{COLUMNS}\n{'|---' * 6}|")
        for corpus, systems in found.items():
            for system, one in systems.items():
                row = (corpus, system, one["n"], one["speakers"], line_of(one), line_of(one, "open"))
                print("|", " | ".join(map(str, row)), "|")


def kept_out_scores(exported: Path, corpus: Corpus) -> Any:
    """Return the figures of an exported voice on the speakers that were kept out of its training."""
    labelled, _ = apply_policy(only_speakers(corpus, KEPT_OUT), "as-is")
    predictions = emofuse.load(exported).predict_many(labelled)
    probabilities = {one.id: one.probabilities for one in predictions if isinstance(one, Prediction)}
    whole = Fold(1, "kept out", (), (), tuple(u.id for u in labelled))
    return score_corpus(probabilities, labelled_utterances(labelled, [whole]), "emodb")
