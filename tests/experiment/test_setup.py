"""Which utterances a recipe wants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import write_recipe

from emofuse import cross_validate, layout, load_recipe
from emofuse.config import Recipe, make_recipe
from emofuse.errors import CorpusError, RecipeError
from emofuse.experiment import job, setup
from emofuse.experiment.setup import environment, only_wanted, recipe_corpus, recipe_folds, run_threads
from emofuse.training.audio_cache import audio_cache_for
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


def test_without_a_wish_everything_is_kept() -> None:
    assert only_wanted(recipe_of(), STYLED) is STYLED


def test_utterances_are_kept_by_tags_and_by_fields_and_by_both() -> None:
    assert kept(style="improvised") == ["u0", "u2", "u4", "u6"]
    assert kept(language="de") == ["u4", "u5", "u6", "u7"]
    assert kept(style="scripted", language="de") == ["u5"]
    assert only_wanted(recipe_of(only={"style": "scripted"}), STYLED).name == "styled"


def test_a_wish_that_nothing_meets_is_refused_with_what_there_is() -> None:
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


def test_cross_validation_sees_what_was_chosen_and_nothing_else(
    corpus: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("only")
    styles = {"F": "improvised", "M": "scripted"}
    tagged = replace(
        corpus, utterances=tuple(replace(u, tags={"style": styles[str(u.speaker)[-1]]}) for u in corpus)
    )
    recipe = load_recipe(write_recipe(out / "tiny.yaml"), ["only={style: improvised}", "training.epochs=1"])
    results = cross_validate(recipe, tagged, out / "run", systems=("text",))
    assert results["only"] == {"style": "improvised"}
    assert results["n_utterances"] == results["systems"]["text"]["n"] == 12
    assert results["label_counts"]["labelled"] == 12


def test_what_is_always_learnt_from_stands_in_every_training_part_and_no_other() -> None:
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


def test_a_run_that_continues_computes_with_as_many_threads_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "compute_threads", lambda: 5)
    assert run_threads(tmp_path) == 5
    layout.write_json(tmp_path / layout.ENVIRONMENT, environment() | {"threads": 3})
    assert run_threads(tmp_path) == 3
    (tmp_path / layout.ENVIRONMENT).write_text("broken")
    assert run_threads(tmp_path) == 5


def test_networks_on_frozen_encoders_are_trained_by_one_thread(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So their numbers do not depend on how many processors are free."""
    used: list[int] = []
    monkeypatch.setattr(job, "fit", lambda *arguments: used.append(torch.get_num_threads()) or [])
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for tuning in ("frozen", "full"):
            settings = (f"audio.tuning={tuning}", f"text.tuning={tuning}")
            recipe = load_recipe(write_recipe(tmp_path / "recipe.yaml"), settings)
            labelled, task = recipe_corpus(recipe, corpus)
            context = job.JobContext(recipe, task, audio_cache_for(recipe.audio.alter), lambda progress: None)
            job.train_system(context, "fusion", (labelled, labelled.select([])), seed=0)
    finally:
        torch.set_num_threads(before)
    assert used == [1, 2]
