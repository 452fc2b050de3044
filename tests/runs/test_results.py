"""What results say of raters who disagree, of gold and recognised text, and of what was purged."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, recall_score
from small_run import make_run
from tiny import write_recipe

from emofuse import cross_validate, load_recipe
from emofuse.config import Recipe
from emofuse.data.preparation import Preparation, TextPreparation
from emofuse.data.tokenization import learn_vocabulary
from emofuse.errors import CorpusError, RecipeError
from emofuse.experiment import job as job_module
from emofuse.model.checkpoint import load_model
from emofuse.runs import results as results_module
from emofuse.runs.results import collect
from emofuse.training.loader import texts_in
from emofuse.training.warm_start import stream_weights
from emofuse.types import Corpus, Utterance

pytestmark = pytest.mark.usefixtures("empty_pictures")

LABELS = ("angry", "happy", "neutral", "sad")


def recipe_of(folder: Path, *overrides: str) -> Recipe:
    folder.mkdir(parents=True, exist_ok=True)
    return load_recipe(write_recipe(folder / "tiny.yaml"), ["training.epochs=1", *overrides])


def read_rows(run: Path, system: str, file: str, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return all lines of one system's files, by id."""
    found = {}
    for path in sorted(run.glob(f"fold-*/seed-{seed}/{system}/{file}")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert not found.keys() & {row["id"] for row in rows}  # each is tested once
        found |= {row["id"]: row for row in rows}
    return found


# The votes of the takes of each label: unanimous, a majority, half of the votes, and none at all.
def votes_of(label: str, number: int) -> dict[str, float] | None:
    other = LABELS[(LABELS.index(label) + 1) % 4]
    kinds = [{label: 3.0}, {label: 2.0, other: 1.0}, {label: 2.0, other: 1.0, "bored": 1.0}]
    return kinds[number] if number < len(kinds) else None


@pytest.fixture(scope="module")
def voted() -> Corpus:
    """Make three sessions of two speakers, four takes a label; and turns to which raters gave no label."""
    utterances = [
        Utterance(
            f"s{session}{gender}_{label}_{number}",
            text=f"{label} word {number}",
            label=label,
            votes=votes_of(label, number),
            speaker=f"s{session}{gender}",
            session=f"{session}",
        )
        for session in (1, 2, 3)
        for gender in "FM"
        for label in LABELS
        for number in range(4)
    ]
    aside: list[dict[str, Any]] = [
        {"votes": {"sad": 1.0, "angry": 1.0}, "speaker": "s1F", "session": "1"},
        {"votes": {"sad": 1.0, "happy": 1.0, "bored": 2.0}, "speaker": "s2M", "session": "2"},
        {"votes": {"neutral": 3.0, "bored": 3.0}, "speaker": "s2M", "session": "2"},
        {"votes": {"bored": 1.0, "other": 1.0}, "speaker": "s3M", "session": "3"},  # for no label of the task
        {"votes": {"sad": 1.0, "happy": 1.0}, "speaker": "guest", "session": "9"},  # tested in no fold
        {"speaker": "s3M", "session": "3"},
        {"label": "bored", "speaker": "s3M", "session": "3"},
    ]
    utterances += [Utterance(f"aside{n}", text=f"sad word {n}", **given) for n, given in enumerate(aside)]
    return Corpus(tuple(utterances), name="voted")


SCORED_ASIDE = {"aside0", "aside1", "aside2"}
MAPPING = "labels={angry: angry, happy: happy, neutral: neutral, sad: sad}"


@pytest.fixture(scope="module")
def run(voted: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voted")
    recipe = recipe_of(folder, MAPPING, "seeds=[0, 1]", "training.batch_seconds=60", "training.micro_seconds=60")
    cross_validate(recipe, voted, folder / "run", systems=("text",))
    return folder / "run"


@pytest.fixture(scope="module")
def results(run: Path) -> dict[str, Any]:
    return json.loads((run / "results.json").read_text())  # type: ignore[no-any-return]


def test_undecided_turns_are_scored_once_with_their_speakers_and_trained_on_by_nobody(run: Path) -> None:
    for seed in (0, 1):
        assert set(read_rows(run, "text", "undecided.jsonl", seed)) == SCORED_ASIDE
        assert not any(i.startswith("aside") for i in read_rows(run, "text", "predictions.jsonl", seed))
    assert (run / "fold-1" / "seed-0" / "text" / "undecided.jsonl").read_text().count("\n") == 1
    assert not (run / "fold-3" / "seed-0" / "text" / "undecided.jsonl").exists()
    for fold in json.loads((run / "folds.json").read_text())["folds"]:
        assert not any(i.startswith("aside") for part in ("train", "validation", "test") for i in fold[part])


def shares(votes: Mapping[str, float]) -> dict[str, float]:
    of_task = {label: votes.get(label, 0.0) for label in LABELS}
    return {label: vote / sum(of_task.values()) for label, vote in of_task.items()}


def test_results_say_how_far_predictions_are_from_the_votes_of_undecided_turns(
    run: Path, results: dict[str, Any], voted: Corpus
) -> None:
    votes = {u.id: u.votes or {} for u in voted}
    losses = [
        -sum(share * math.log(row["probabilities"][label]) for label, share in shares(votes[i]).items() if share)
        for seed in (0, 1)
        for i, row in read_rows(run, "text", "undecided.jsonl", seed).items()
    ]
    found = results["systems"]["text"]["agreement"]["undecided"]
    assert found["n"] == 3
    assert found["cross_entropy"] == pytest.approx(np.mean(losses))


def test_results_say_how_systems_fare_by_the_agreement_of_raters(
    run: Path, results: dict[str, Any], voted: Corpus
) -> None:
    parts = {"unanimous": "0", "majority": "1", "plurality": "2"}  # by the number of the take
    truth = {u.id: str(u.label) for u in voted if u.label}
    for name, take in parts.items():
        ids = sorted(i for i in truth if i.startswith("s") and i.endswith(take))
        scores = [
            recall_score(
                [truth[i] for i in ids],
                [read_rows(run, "text", "predictions.jsonl", seed)[i]["label"] for i in ids],
                average="macro",
                labels=LABELS,
            )
            for seed in (0, 1)
        ]
        found = results["systems"]["text"]["agreement"][name]
        assert (found["n"], found["missing_classes"]) == (24, [])
        assert found["ua"] == pytest.approx(np.mean(scores))


def test_results_count_what_became_of_labels_and_of_votes(results: dict[str, Any]) -> None:
    assert results["label_counts"] == {"labelled": 96, "tied": 5, "unlabelled": 1, "left_out": 1}
    # Of 72 utterances with votes, 24 give a quarter of them to a label outside the task.
    assert results["votes"]["with_votes"] == 72
    assert results["votes"]["dropped_mass"] == pytest.approx(24 * 0.25 / 72)
    assert {"label-tie"} <= {found["code"] for found in results["audit"]["findings"]}
    (tie,) = (found for found in results["audit"]["findings"] if found["code"] == "label-tie")
    assert tie["count"] == 5


def test_votes_may_decide_and_results_count_by_them(voted: Corpus, tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, MAPPING, "agreement={label: votes, minimum: 0.6}")
    found = cross_validate(recipe, voted, tmp_path / "run", systems=("text",))
    # Of the takes, the third has half of the votes only; of those aside, three tie and one is won from outside.
    assert found["label_counts"] == {"labelled": 72, "tied": 4, "unlabelled": 1, "left_out": 26}
    assert found["n_utterances"] == 72
    assert found["systems"]["text"]["agreement"]["plurality"] == {"n": 0, "ua": None, "missing_classes": []}


def test_a_corpus_without_votes_says_nothing_of_agreement(voted: Corpus, tmp_path: Path) -> None:
    silent = replace(voted, utterances=tuple(replace(u, votes=None) for u in voted))
    found = cross_validate(recipe_of(tmp_path, MAPPING), silent, tmp_path / "run", systems=("text",))
    assert found["systems"]["text"]["agreement"] is None
    assert found["votes"] is None
    assert found["label_counts"] == {"labelled": 96, "tied": 0, "unlabelled": 6, "left_out": 1}


def test_an_undecided_turn_that_cannot_be_read_is_among_what_was_skipped(corpus: Corpus, tmp_path: Path) -> None:
    gone = Utterance("gone", tmp_path / "gone.wav", votes={"sad": 1.0, "happy": 1.0}, speaker="s1F")
    odd = Corpus((*corpus.utterances, replace(gone, session="session1")), name="tones")
    results = cross_validate(
        recipe_of(tmp_path), odd, tmp_path / "run", systems=("audio",), accept=["missing-audio"]
    )
    assert [skip["id"] for skip in results["skipped"]] == ["gone"]
    assert results["systems"]["audio"]["n"] == 24


def test_folds_say_what_was_purged_for_the_sake_of_the_text(voted: Corpus, tmp_path: Path) -> None:
    own = {u.id: " ".join(f"{word}{n}" for word in "abcde") for n, u in enumerate(voted)}
    own |= dict.fromkeys(("s1F_sad_0", "s2M_sad_1", "s3F_happy_2"), "nobody told me about this")
    said = replace(voted, utterances=tuple(replace(u, text=own[u.id]) for u in voted))
    recipe = recipe_of(tmp_path, MAPPING, "text_independent=true")
    results = cross_validate(recipe, said, tmp_path / "run", systems=("text",))
    assert results["text_independent"] is True
    assert [fold["purged"] for fold in results["folds"]] == [2, 2, 2]
    assert [fold["train"] + fold["purged"] for fold in results["folds"]] == [64, 64, 64]
    assert results["n_utterances"] == 96
    written = json.loads((tmp_path / "run" / "folds.json").read_text())["folds"]
    assert sorted(written[0]["purged"]) == ["s2M_sad_1", "s3F_happy_2"]
    assert "text-overlap" not in {found["code"] for found in results["audit"]["findings"]}


def test_the_text_that_is_read_is_the_text_that_is_audited_and_purged(voted: Corpus, tmp_path: Path) -> None:
    """Gold stands in `transcripts` only; what was recognised is of no use for the audit of a system on gold."""
    said = {u.id: " ".join(f"{word}{n}" for word in "abcde") for n, u in enumerate(voted)}
    said |= dict.fromkeys(("s1F_sad_0", "s2M_sad_1"), "nobody told me about this")
    both = (
        replace(u, text=f"noise {n}", text_source="asr:x", transcripts={"gold": said[u.id]})
        for n, u in enumerate(voted)
    )
    corpus = replace(voted, utterances=tuple(both)).select(lambda u: u.session in ("1", "2"))
    for source, overlap in (("gold", True), ("given", False)):
        recipe = recipe_of(tmp_path / source, MAPPING, f"text.source={source}")
        results = cross_validate(recipe, corpus, tmp_path / source / "run", systems=("text",))
        assert ("text-overlap" in {found["code"] for found in results["audit"]["findings"]}) == overlap
    recipe = recipe_of(tmp_path, MAPPING, "text.source=gold", "text_independent=true")
    results = cross_validate(recipe, corpus, tmp_path / "run", systems=("text",))
    assert [fold["purged"] for fold in results["folds"]] == [1, 1]


# --- gold and recognised text -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def heard(corpus: Corpus) -> Corpus:
    """Return the tones with recognised text beside, wrong for two labels; one fold has none of it."""
    swapped = {"angry": "lonely", "sad": "furious"}
    return replace(
        corpus,
        utterances=tuple(
            u
            if u.session == "session3"
            else replace(u, transcripts={"asr:toy": f"the {swapped.get(str(u.label), u.label)} thing"})
            for u in corpus
        ),
    )


@pytest.fixture(scope="module")
def celled(heard: Corpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("cells")
    recipe = recipe_of(folder, "text.cells=true", "training={start: unimodal, epochs: 2, joint_epochs: 1}")
    return folder / "run", cross_validate(recipe, heard, folder / "run")


def test_every_system_that_reads_is_trained_on_both_kinds_of_text(celled: tuple[Path, dict[str, Any]]) -> None:
    run, _ = celled
    for fold in (1, 2, 3):
        jobs = sorted(path.name for path in (run / f"fold-{fold}" / "seed-0").iterdir())
        assert jobs == ["audio", "fusion", "fusion-asr", "text", "text-asr"]


def test_the_four_cells_are_what_the_predictions_say(celled: tuple[Path, dict[str, Any]], heard: Corpus) -> None:
    run, results = celled
    truth = {u.id: str(u.label) for u in heard}
    assert set(results["text_cells"]) == {"text", "fusion"}
    files = {
        ("gold", "gold"): ("", "predictions.jsonl"),
        ("gold", "asr"): ("", "predictions-asr.jsonl"),
        ("asr", "asr"): ("-asr", "predictions.jsonl"),
        ("asr", "gold"): ("-asr", "predictions-gold.jsonl"),
    }
    for system, cells in results["text_cells"].items():
        assert {(learnt, tested) for learnt in cells for tested in cells[learnt]} == set(files)
        for (learnt, tested), (ending, file) in files.items():
            rows = read_rows(run, system + ending, file)
            assert set(rows) == set(truth)
            pair = [truth[i] for i in sorted(truth)], [rows[i]["label"] for i in sorted(truth)]
            assert cells[learnt][tested]["wa"] == pytest.approx(accuracy_score(*pair))
            assert cells[learnt][tested]["ua"] == pytest.approx(recall_score(*pair, average="macro"))
        assert cells["gold"]["gold"]["ua"] == pytest.approx(results["systems"][system]["ua"]["mean"])


def test_a_cell_reads_the_text_that_it_says(celled: tuple[Path, dict[str, Any]], heard: Corpus) -> None:
    run, _ = celled
    said = {u.id: (u.text, u.transcripts.get("asr:toy")) for u in heard}
    for ending, file, place in (
        ("", "predictions.jsonl", 0),
        ("", "predictions-asr.jsonl", 1),
        ("-asr", "predictions.jsonl", 1),
        ("-asr", "predictions-gold.jsonl", 0),
    ):
        rows = read_rows(run, f"text{ending}", file)
        assert {i: row["text"] for i, row in rows.items()} == {i: texts[place] for i, texts in said.items()}
        sources = {row["text_source"] for row in rows.values()}
        assert sources == ({"gold"} if place == 0 else {"asr:toy", None})


def test_fusion_on_recognised_text_starts_from_the_text_system_that_trained_on_it(
    celled: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, heard: Corpus, tmp_path: Path
) -> None:
    began: list[dict[str, Path]] = []
    start = job_module.initialise_from_unimodal

    def listen(fused: Any, folders: Mapping[Any, Path]) -> None:
        began.append(dict(folders))
        start(fused, folders)
        for modality, folder in folders.items():
            given = stream_weights(load_model(folder / "model"), modality)
            assert all(torch.equal(value, given[name]) for name, value in stream_weights(fused, modality).items())

    monkeypatch.setattr(job_module, "initialise_from_unimodal", listen)
    few = replace(heard, utterances=tuple(replace(u, split=_split(u)) for u in heard))
    recipe = recipe_of(tmp_path, "text.cells=true", "training={start: unimodal, epochs: 1}", "protocol=predefined")
    cross_validate(recipe, few, tmp_path / "run")
    place = tmp_path / "run" / "fold-1" / "seed-0"
    assert began == [
        {"audio": place / "audio", "text": place / "text"},
        {"audio": place / "audio", "text": place / "text-asr"},
    ]


def _split(utterance: Utterance) -> str:
    return "test" if utterance.session == "session1" else "train"


def test_cells_need_both_kinds_of_text(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"text\.cells needs gold and recognised text; .* emofuse transcribe"):
        cross_validate(recipe_of(tmp_path, "text.cells=true"), corpus, tmp_path / "run")


def test_without_cells_a_system_is_tested_on_the_other_text_too(heard: Corpus, tmp_path: Path) -> None:
    few = replace(heard, utterances=tuple(replace(u, split=_split(u)) for u in heard))
    recipe = recipe_of(tmp_path, "text.source=gold", "protocol=predefined")
    results = cross_validate(recipe, few, tmp_path / "run", systems=("text",))
    assert results["text_source"] == "gold"
    assert {k: set(v) for k, v in results["text_cells"]["text"].items()} == {"gold": {"gold", "asr"}}


def test_a_corpus_with_one_kind_of_text_has_no_cells(results: dict[str, Any]) -> None:
    assert results["text_cells"] is None
    assert results["text_source"] == "given"


def test_mixed_training_reads_both_kinds_and_validates_on_the_manifest_s_own(
    heard: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Counter[str] = Counter()
    call = TextPreparation.__call__

    def listen(self: TextPreparation, text: str) -> Any:
        read[text] += 1
        return call(self, text)

    monkeypatch.setattr(TextPreparation, "__call__", listen)
    few = replace(
        heard, utterances=tuple(replace(u, split="test" if u.session == "session1" else "train") for u in heard)
    )
    recipe = recipe_of(tmp_path, "text.source=mixed", "protocol=predefined", "training.epochs=20")
    results = cross_validate(recipe, few, tmp_path / "run", systems=("text",))
    trained = [u for u in few if u.session == "session2"]
    recognised = {text for u in trained for text in u.transcripts.values()}
    assert {str(u.text) for u in trained} | recognised <= set(read)
    drawn = sum(read[text] for text in recognised)
    assert 40 < drawn < 140  # of 8 utterances in 20 epochs, about half; and a few at the test
    assert results["text_cells"]["text"].keys() == {"mixed"}
    assert set(results["text_cells"]["text"]["mixed"]) == {"gold", "asr"}


def test_the_vocabulary_of_mixed_training_is_made_from_both() -> None:
    utterances = [Utterance("a", text="said it", text_source="gold", transcripts={"asr": "sad it"})]
    assert texts_in(utterances) == ["said it"]
    assert texts_in(utterances, mixed=True) == ["said it", "sad it"]
    tokenizer = learn_vocabulary(texts_in(utterances * 2, mixed=True), "words", 20)
    assert Preparation(None, TextPreparation(tokenizer))(None, "sad").ids is not None
    assert tokenizer.token_to_id("sad") is not None


def test_nothing_scored_by_all_systems_is_one_sentence(corpus: Corpus, tmp_path: Path) -> None:
    gone = replace(corpus, utterances=tuple(replace(u, split=_split(u)) for u in corpus))
    mute = replace(
        gone,
        utterances=tuple(
            replace(u, audio=tmp_path / "gone.wav") if u.split == "test" else u for u in gone.utterances
        ),
    )
    with pytest.raises(CorpusError, match="no test utterance could be read by every system"):
        cross_validate(
            recipe_of(tmp_path, "protocol=predefined"),
            mute,
            tmp_path / "run",
            ("audio",),
            accept=["missing-audio"],
        )


def test_the_peak_of_memory_in_results_is_that_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results_module, "peak_memory_mb", lambda: 12.5)
    assert collect(make_run(tmp_path / "run"))["cost"]["peak_rss_mb"] == 12.5
