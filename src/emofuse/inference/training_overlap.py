"""Whether a model was trained on its test corpus, by its card and its run folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from emofuse import layout
from emofuse.errors import RunError
from emofuse.runs.run_folder import read_folds
from emofuse.types import Corpus
from emofuse.untrusted.yaml_text import parse_yaml

# Corpora as cards name them; a manifest is of one of them if its name contains it.
CORPORA = (
    "iemocap", "meld", "cremad", "ravdess", "emodb", "emovdb", "emovo", "esd", "jlcorpus", "mosei", "mosi",
    "msppodcast", "mspimprov", "nemo", "savee", "shemo", "tess", "emorynlp", "dailydialog", "goemotions",
    "casia", "enterface", "aesdd", "mead", "dusha", "resd",
)  # fmt: skip
# Names of manifests that name no corpus.
GENERIC_NAMES = {
    "manifest",
    "corpus",
    "data",
    "dataset",
    "test",
    "train",
    "validation",
    "valid",
    "eval",
    "gold",
    "asr",
}
SHORTEST_NAME = 4
_TRAINED_ON = re.compile(r"^\| trained on \| (?P<name>.+?): \d", re.MULTILINE)
_FRONT = re.compile(r"\A---[ \t\r]*\n(?P<matter>.*?)\n---[ \t\r]*(?:\n|\Z)", re.DOTALL)


def card_warnings(card: str | None, corpus_name: str) -> list[str]:
    """Return warnings from a model's card, a sentence each.

    Args:
        card: its text, with front matter; None where there is none.
        corpus_name: of the corpus that the model is tested on.
    """
    if card is None:
        return ["the model has no card: whether it was trained on this corpus is not known"]
    names = _names_of(corpus_name)
    if not names:
        return [f"{corpus_name!r} names no corpus: its card cannot show whether the model was trained on it"]
    stated = [*_TRAINED_ON.findall(card), *_datasets(card)]
    overlap = next((one for one in stated if _mentions(one, names)), None)
    if overlap is not None:
        return [f"the model's card says that it was trained on {overlap!r}: its figures are inflated"]
    if _mentions(card, names):
        return [
            f"the model's card mentions {', '.join(names)}: the model may have been trained on it, read the card"
        ]
    return []


def fold_warnings(model: Path, corpus: Corpus) -> list[str] | None:
    """Return warnings from the run folder of a fold's model: how much of a corpus it was trained on.

    None where the model is in no such folder, so that nothing is known.
    """
    folder = next((one for one in (model, *model.parents) if re.fullmatch(r"fold-\d+", one.name)), None)
    if folder is None or not (folder.parent / layout.FOLDS).is_file():
        return None
    try:
        folds = read_folds(folder.parent / layout.FOLDS)
    except RunError:
        return None
    index = int(folder.name.removeprefix("fold-"))
    trained = {i for fold in folds if fold.index == index for i in (*fold.train, *fold.validation)}
    seen = [u.id for u in corpus if u.id in trained]
    if not seen:
        return []
    return [
        f"the model was trained on {len(seen)} of the {len(corpus)} utterances, the first is {seen[0]!r}: "
        "its figures are inflated"
    ]


def _names_of(corpus_name: str) -> list[str]:
    """Return the names by which a card may mention a corpus."""
    known = [name for name in CORPORA if _pattern(name).search(corpus_name)]
    plain = re.sub(r"[\W_]", "", corpus_name).lower()
    own = [] if known or len(plain) < SHORTEST_NAME or plain in GENERIC_NAMES else [plain]
    return known or own


def _mentions(text: str, names: Iterable[str]) -> bool:
    return any(_pattern(name).search(text) for name in names)


def _pattern(name: str) -> re.Pattern[str]:
    """Return a pattern that finds a name however it is written: `cremad` in CREMA-D, `iemocap` in iemocap_4."""
    signs = r"[-_. ]?".join(map(re.escape, name))
    return re.compile(rf"(?<![^\W_]){signs}(?![^\W\d_])", re.IGNORECASE)


def _datasets(card: str) -> list[str]:
    """Return the data sets that the front matter of a card names."""
    found = _FRONT.match(card)
    if found is None:
        return []
    try:
        matter = parse_yaml(found["matter"])
    except ValueError:
        return []
    datasets = matter.get("datasets") if isinstance(matter, dict) else None
    if isinstance(datasets, str):
        return [datasets]
    return [str(name) for name in datasets] if isinstance(datasets, list) else []
