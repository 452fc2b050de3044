"""Write what relative predictions need into a box that was packed without it.

python tools/box/add_relative.py --data DATA BOX ...

Boxes that are packed today get it from `emofuse train`. The moments are those of clips that the box's voice was
trained on, as many of each corpus, with a sentence each and without. Nothing else in the box changes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from corpus import KEPT_OUT, speech, without
from fusion import CORPORA
from text_corpus import goemotions
from voice_text_pairs import Sentences, evaluation_pairs, seconds_of_voice

from emofuse import layout
from emofuse.experiment.relative_measuring import measure_relative
from emofuse.model.checkpoint import load_checkpoint
from emofuse.training.audio_cache import AudioCache
from emofuse.training.loader import InputReader, prepare_part
from emofuse.types import Corpus, Utterance

# So many clips of each corpus.
CLIPS = 500
MICRO_SECONDS = 30.0


def clips_of(data: Path, corpora: Sequence[str]) -> Corpus:
    """Return as many clips of each corpus, evenly over its table."""
    known = without(speech(data, corpora), KEPT_OUT)
    chosen: list[Utterance] = []
    for name in corpora:
        own = [one for one in known if one.session == name]
        chosen += own[:: max(1, len(own) // CLIPS)][:CLIPS]
    return Corpus(tuple(chosen))


def main() -> None:
    """Write the file into both forms of each box."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("boxes", nargs="+", type=Path)
    options = parser.parse_args()
    for box in options.boxes:
        name = json.loads((box / layout.BOX).read_text(encoding="utf-8"))["name"]
        clips = clips_of(options.data, CORPORA[name])
        texts = goemotions(options.data)
        sentences = Sentences.of(texts, np.arange(len(texts)))
        pairs = evaluation_pairs(clips, sentences, seconds_of_voice(clips), 1)
        checkpoint = load_checkpoint(box / layout.MODEL)
        reader = InputReader(checkpoint.preparation, AudioCache())
        part, _ = prepare_part(pairs, checkpoint.model.config.task, reader)
        parts = measure_relative(checkpoint.model, part, MICRO_SECONDS)
        if parts is None:
            raise SystemExit(f"{box}: its model has no head that takes sound alone")
        for form in (layout.MODEL, layout.BOX_EXPORTED):
            parts.save(box / form)
        print(f"{box}: {', '.join(parts.trained)} from {len(part)} clips")


if __name__ == "__main__":
    main()
