"""The card says whether texts were spoken: whoever shows where words lie in the sound asks it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from emofuse import layout
from emofuse.training.model_card import text_spoken
from emofuse.types import Utterance

SOUND = Path("a.wav")


def said(text: str | None = "yes", source: str | None = None, mark: str | None = None) -> Utterance:
    tags = {} if mark is None else {"text_not_spoken": mark}
    return Utterance("u", audio=SOUND, text=text, text_source=source, tags=tags)


@pytest.mark.parametrize(
    ("utterances", "spoken"),
    [
        ([said(source="gold")], True),
        ([said(source="asr:whisper", mark="true")], True),
        ([said(mark="False")], True),
        ([said(source="gold", mark="True")], False),
        ([said(source="gold"), said(source="gold", mark="yes")], False),
        ([said(source="gold"), said()], None),
        ([said(text=None), said(text=" ")], None),
        ([], None),
    ],
)
def test_what_a_corpus_says_of_its_texts(utterances: list[Utterance], spoken: bool | None) -> None:
    assert text_spoken(utterances) is spoken


def test_training_writes_it_where_an_explanation_reads_it(tmp_path: Path) -> None:
    from dataclasses import replace

    from small_corpus import make_corpus
    from tiny import TINY, write_recipe

    from emofuse import load_recipe, train
    from emofuse.inference.explain.shown_attention import text_spoken as read_back
    from emofuse.types import Corpus

    corpus = make_corpus(tmp_path / "tones", sessions=2)
    marked = [replace(u, tags={"text_not_spoken": "true"}) for u in corpus]
    recipe = load_recipe(write_recipe(tmp_path / "tiny.yaml", TINY.replace("epochs: 3", "epochs: 1")))
    for name, utterances, spoken in (("spoken", corpus.utterances, True), ("foreign", tuple(marked), False)):
        train(recipe, Corpus(utterances, name=name), tmp_path / name)
        folder = tmp_path / name / layout.MODEL
        head = (folder / layout.CARD).read_text().split("---\n")[1]
        assert yaml.safe_load(head)["text_spoken"] is spoken
        assert read_back(folder) is spoken
