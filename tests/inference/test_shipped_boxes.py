"""The boxes as they are shipped: small, whole, licensed, and alike in both forms; they run without torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import emofuse
from emofuse import layout
from emofuse.box import boxes
from emofuse.data.corpora.demo_corpus import demo_corpus
from emofuse.inference.explain.shown_attention import text_spoken

SHIPPED = {"box-open": "CC-BY-SA-4.0", "box": "CC-BY-NC-SA-4.0"}
MEGABYTES = 25
WITHOUT_TORCH = """
import sys
import emofuse
said = emofuse.load({name!r}).predict(text="I am so happy for you!")
assert "torch" not in sys.modules and "transformers" not in sys.modules
print(said.label, said.model, said.model_scope, sep="|")
"""


@pytest.fixture(params=SHIPPED)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_box_is_small_and_says_its_licence_and_where_it_ends(name: str) -> None:
    box = boxes()[name]
    about = box.about()
    assert sum(path.stat().st_size for path in box.folder.rglob("*")) <= MEGABYTES * 2**20
    assert about["licence"] == SHIPPED[name]
    assert about["sources"]
    card = (box.model / layout.CARD).read_text()
    assert "never spoken together" in card
    assert all(source in card for source in about["sources"])
    assert text_spoken(box.model) is False


def test_a_box_predicts_without_torch(name: str) -> None:
    code = WITHOUT_TORCH.format(name=name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    label, model, scope = done.stdout.strip().split("|")
    assert (label, model) == ("happy", name)
    assert "not for decisions" in scope


def test_both_forms_of_a_box_say_the_same(name: str) -> None:
    box = boxes()[name]
    some = list(demo_corpus())[::40]
    exported, whole = (list(emofuse.load(path).predict_many(some)) for path in (box.exported, box.model))
    assert len(exported) == len(some)
    for one, other in zip(exported, whole, strict=True):
        assert isinstance(one, emofuse.Prediction)
        assert isinstance(other, emofuse.Prediction)
        assert one.model == other.model == name
        chances = [[said.probabilities[label] for label in one.probabilities] for said in (one, other)]
        np.testing.assert_allclose(chances[0], chances[1], atol=0.1)
