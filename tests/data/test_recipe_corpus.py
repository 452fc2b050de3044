"""Which utterances of a corpus a recipe wants, and in which folds."""

from __future__ import annotations

import pytest

from emofuse.config import Recipe, make_recipe
from emofuse.data.recipe_corpus import only_wanted, recipe_corpus, recipe_folds
from emofuse.errors import CorpusError, RecipeError
from emofuse.types import Corpus, Utterance


def recipe_of(**values: object) -> Recipe:
    audio, text = {"model_type": "emofuse-waveform-cnn"}, {"model_type": "emofuse-word-cnn"}
    return make_recipe({"audio": {"config": audio}, "text": {"config": text}, **values})


STYLED = Corpus(
    tuple(
        Utterance(
            f"u{n}",
            text="yes",
            label=("happy", "sad")[n // 2 % 2],
            language=("en", "de")[n // 4],
            tags={"style": ("improvised", "scripted")[n % 2]} if n < 7 else {},
        )
        for n in range(8)
    ),
    name="styled",
)


def kept(**only: str) -> list[str]:
    return [u.id for u in only_wanted(recipe_of(only=only), STYLED)]


def test_without_only_everything_is_kept() -> None:
    assert only_wanted(recipe_of(), STYLED) == STYLED


def test_the_order_of_rows_does_not_matter() -> None:
    turned = Corpus(STYLED.utterances[::-1], name="styled")
    assert recipe_corpus(recipe_of(), turned) == recipe_corpus(recipe_of(), STYLED)


def test_utterances_are_kept_by_tags_and_by_fields_and_by_both() -> None:
    assert kept(style="improvised") == ["u0", "u2", "u4", "u6"]
    assert kept(language="de") == ["u4", "u5", "u6", "u7"]
    assert kept(style="scripted", language="de") == ["u5"]
    assert only_wanted(recipe_of(only={"style": "scripted"}), STYLED).name == "styled"


def test_a_choice_that_nothing_meets_is_refused_with_what_there_is() -> None:
    with pytest.raises(
        CorpusError, match=r"only: no utterance has style 'acted'; there are None, improvised, scr"
    ):
        kept(style="acted")
    with pytest.raises(CorpusError, match=r"only: no utterance has styel 'improvised'; there are None$"):
        kept(styel="improvised")
    with pytest.raises(CorpusError, match=r"no utterance has language 'de'; there are en$"):
        only_wanted(recipe_of(only={"language": "de"}), STYLED.select(["u0", "u1"]))


@pytest.mark.parametrize("field", ["id", "audio", "text", "votes", "tags", "start"])
def test_a_field_that_holds_no_word_is_refused(field: str) -> None:
    with pytest.raises(RecipeError, match=rf"only\.{field}: choose a tag, or one of label, speaker, session"):
        kept(**{field: "u0"})


def test_labels_are_mapped_after_the_choice() -> None:
    recipe = recipe_of(only={"language": "de"}, labels={"happy": "good", "sad": "bad"})
    corpus, task = recipe_corpus(recipe, STYLED)
    assert [(u.id, u.label) for u in corpus] == [("u4", "good"), ("u5", "good"), ("u6", "bad"), ("u7", "bad")]
    assert task.labels == ("good", "bad")


def test_what_is_always_trained_on_stands_in_every_training_part_and_no_other() -> None:
    said = Corpus(
        tuple(
            Utterance(
                f"u{n}", text="yes", label=("happy", "sad")[n % 2], speaker=f"s{n // 2}", tags={"corpus": "a"}
            )
            for n in range(8)
        )
        + tuple(Utterance(f"k{n}", text="yes", label="sad", tags={"corpus": "keywords"}) for n in range(3))
        + (Utterance("k9", text="yes", tags={"corpus": "keywords"}),)
    )
    chosen = {"protocol": "speaker-kfold", "always_train": {"corpus": "keywords"}}
    for selection in ("fixed", "best"):
        folds = recipe_folds(recipe_of(**chosen, selection=selection), said)
        assert sorted(i for fold in folds for i in fold.test) == [f"u{n}" for n in range(8)]
        for fold in folds:
            assert set(fold.train) >= {"k0", "k1", "k2"}
            assert not {"k0", "k1", "k2", "k9"} & set(fold.validation + fold.test)
            assert "k9" not in fold.train
    with pytest.raises(RecipeError, match="always_train: no labelled utterance has corpus 'music'"):
        recipe_folds(recipe_of(protocol="speaker-kfold", always_train={"corpus": "music"}), said)
