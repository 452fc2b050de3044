"""Signatures: one line, read back as it was written; what is compared must have one folds key."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version as installed
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TINY, write_recipe

from emofuse import load_recipe
from emofuse.config import AgreementRecipe
from emofuse.errors import CorpusError
from emofuse.runs.signature import (
    Signature,
    agreement_name,
    folds_key,
    policy_name,
    protocol_name,
    run_signature,
    text_kinds,
    validation_of,
)
from emofuse.types import Fold

LABELS = ("angry", "happy", "neutral", "sad")
PAPER = Signature(
    corpus="iemocap",
    policy="iemocap4",
    labels=LABELS,
    n=5531,
    tested=5531,
    protocol="leave-one-session-out",
    folds="0123abcd",
    seeds=5,
    validation="session",
    selection="best",
    text="gold",
    data="89ab",
    annotations="strip",
    agreement="votes-0.5",
    version="0.1.0",
)
FOLDS = (
    Fold(1, "session 1", train=("c", "d"), validation=("e",), test=("a", "b"), validation_unit="session"),
    Fold(2, "session 2", train=("a", "b", "e"), validation=(), test=("c", "d")),
)


def test_a_signature_is_one_line_that_can_be_cited() -> None:
    assert str(PAPER) == (
        "emofuse|iemocap:iemocap4(angry,happy,neutral,sad)|n=5531/5531|leave-one-session-out|folds=0123abcd|seeds=5"
        "|val=session|sel=best|text=gold|data=89ab|annotations=strip|agreement=votes-0.5|pool=pooled|v=0.1.0"
    )


def test_what_restricts_the_corpus_stands_in_the_line() -> None:
    line = str(replace(PAPER, only={"style": "improvised", "gender": "female"}))
    assert line.endswith("|v=0.1.0|only=gender:female,style:improvised")


def test_accepted_findings_stand_in_the_line() -> None:
    line = str(replace(PAPER, accepted=("missing-audio", "speaker-overlap")))
    assert line.endswith("|v=0.1.0|accepted=missing-audio,speaker-overlap")


def test_a_line_of_an_earlier_version_leaves_open_what_it_does_not_say() -> None:
    line = str(PAPER).replace("|data=89ab|annotations=strip|agreement=votes-0.5", "")
    assert Signature.parse(line) == replace(PAPER, data="unstated", annotations="unstated", agreement="unstated")


def test_the_version_is_the_one_that_computed() -> None:
    line = str(Signature("c", "as-is", ("a", "b"), 1, 1, "predefined", "00"))
    assert line.endswith(f"|v={installed('emofuse')}")


words = st.text(min_size=1, max_size=12)


@given(
    st.builds(
        Signature,
        corpus=words,
        policy=words,
        labels=st.lists(words, min_size=2, max_size=4, unique=True).map(tuple),
        n=st.integers(0, 9999),
        tested=st.integers(0, 9999),
        protocol=words,
        folds=words,
        seeds=st.integers(1, 20),
        validation=words,
        selection=words,
        text=words,
        data=words,
        annotations=words,
        agreement=words,
        accepted=st.lists(words, max_size=2).map(tuple),
        pooling=words,
        only=st.dictionaries(words, words, max_size=2),
        version=words,
    )
)
def test_any_signature_comes_back_from_its_line(signature: Signature) -> None:
    line = str(signature)
    assert len(line.splitlines()) == 1
    assert Signature.parse(line) == signature
    assert Signature.parse(f"  {line}\n") == signature


@pytest.mark.parametrize(
    "line",
    [
        "",
        "BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.0.0",
        "emofuse|iemocap:iemocap4(a,b)|n=5/5|predefined|folds=00",
        "emofuse|iemocap:iemocap4(a,b)|n=five/5|predefined|folds=0|seeds=1|val=x|sel=x|text=x|pool=x|v=1",
        "emofuse|iemocap:iemocap4(a,b)|n=5/5|predefined|folds=0|seeds=x|val=x|sel=x|text=x|pool=x|v=1",
        "emofuse|iemocap:iemocap4(a,b)|n=5/5|predefined|folds=0|seeds=1|val=x|sel=x|text=x|pool=x|v=1|also=x",
    ],
)
def test_another_line_is_refused(line: str) -> None:
    with pytest.raises(CorpusError, match="is no signature of emofuse"):
        Signature.parse(line)


def test_the_folds_key_does_not_see_how_validation_is_cut() -> None:
    fixed = tuple(replace(fold, train=fold.train + fold.validation, validation=()) for fold in FOLDS)
    assert folds_key(fixed) == folds_key(FOLDS)
    renamed = tuple(replace(fold, index=9 - fold.index, name="x") for fold in FOLDS)
    assert folds_key(renamed[::-1]) == folds_key(FOLDS)


def test_the_folds_key_sees_who_is_tested_and_who_is_trained_on() -> None:
    other = replace(FOLDS[0], test=("a",))
    less = replace(FOLDS[0], train=("c",))
    assert len({folds_key(FOLDS), folds_key((other, FOLDS[1])), folds_key((less, FOLDS[1]))}) == 3


def test_words_for_policies_protocols_validation_and_text() -> None:
    assert policy_name("iemocap4") == "iemocap4"
    assert policy_name({"x": "y", "z": "w"}) == policy_name({"z": "w", "x": "y"}) != policy_name({"x": "w"})
    assert protocol_name("predefined", text_independent=True) == "predefined+text-independent"
    assert validation_of(FOLDS) == "none+session"
    assert text_kinds(["gold", "gold", "asr:whisper"]) == "asr+gold"
    assert text_kinds([]) == "none"
    assert text_kinds([None]) == "unstated"
    assert agreement_name(AgreementRecipe()) == "consensus"
    assert agreement_name(AgreementRecipe(label="votes", minimum=0.5)) == "votes-0.5"


def test_a_run_signs_with_what_its_recipe_says(tmp_path: Path) -> None:
    recipe = load_recipe(write_recipe(tmp_path / "r.yaml", TINY), ["only={style: improvised}", "seeds=[0, 1]"])
    results = {
        "corpus": "iemocap",
        "labels": list(LABELS),
        "n_utterances": 5,
        "seeds": [0, 1],
        "systems": {"audio": {"n": 4}},
        "text_kinds": "gold",
        "audit": {
            "findings": [
                {"code": "missing-audio", "severity": "error"},
                {"code": "text-is-label", "severity": "warning"},
            ],
            "accepted": ["missing-audio", "speaker-overlap", "text-is-label"],
        },
    }
    heard = run_signature(recipe, results, FOLDS, "89ab")
    assert (heard.text, heard.annotations) == ("none", "none")
    signed = run_signature(recipe, results | {"systems": {"text": {"n": 4}}}, FOLDS, "89ab")
    assert signed == Signature(
        "iemocap", "as-is", LABELS, 4, 5, "leave-one-session-out", folds_key(FOLDS), 2, "none+session", "fixed",
        "gold", "89ab", "strip", "consensus", ("missing-audio",), only={"style": "improvised"},
    )  # fmt: skip
