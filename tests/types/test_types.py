from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import get_args

import pytest

from emofuse.errors import CorpusError, EmofuseError, MissingExtraError
from emofuse.types import MODALITIES, SYSTEMS, Corpus, Fold, Modality, Prediction, SystemName, Task, Utterance


def corpus_of(*speakers: str | None) -> Corpus:
    """Make a corpus with one utterance for each speaker named: u0, u1 and so on."""
    return Corpus(
        tuple(Utterance(f"u{n}", text="yes", speaker=who) for n, who in enumerate(speakers)), name="made"
    )


def test_literals_agree_with_their_tuples() -> None:
    assert get_args(Modality) == MODALITIES
    assert get_args(SystemName) == SYSTEMS


def test_an_utterance_has_the_fields_of_the_manifest_in_order() -> None:
    assert [field.name for field in fields(Utterance)] == [
        "id", "audio", "start", "end", "text", "text_source", "transcripts", "label", "votes", "dimensions",
        "speaker", "session", "gender", "dialogue", "language", "split", "tags",
    ]  # fmt: skip


def test_an_utterance_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Utterance("a", text="yes").label = "happy"  # type: ignore[misc]


def test_an_utterance_with_mappings_can_be_in_a_set() -> None:
    utterance = Utterance("a", text="yes", votes={"happy": 2.0}, tags={"take": "1"})
    assert utterance in {utterance}


def test_an_utterance_without_an_id_is_refused() -> None:
    with pytest.raises(CorpusError, match="needs an id"):
        Utterance("", text="yes")


def test_an_utterance_with_neither_sound_nor_words_is_refused_by_its_id() -> None:
    with pytest.raises(CorpusError, match="'a' has neither audio nor text"):
        Utterance("a")


def test_a_recording_may_be_named_by_a_string_and_by_nothing_else() -> None:
    assert Utterance("a", audio="a.wav") == Utterance("a", audio=Path("a.wav"))  # type: ignore[arg-type]
    with pytest.raises(CorpusError, match="'a': audio is the path of a recording, not of type bytes"):
        Utterance("a", audio=b"RIFF")  # type: ignore[arg-type]


@pytest.mark.parametrize(("start", "end"), [(-0.1, None), (2.0, 2.0), (2.0, 1.0), (None, 0.0), (None, -1.0)])
def test_a_span_that_is_no_span_is_refused(start: float | None, end: float | None) -> None:
    with pytest.raises(CorpusError, match="'a' has no valid span"):
        Utterance("a", audio=Path("a.wav"), start=start, end=end)


@pytest.mark.parametrize(
    ("start", "end"), [(float("nan"), None), (0.0, float("nan")), (float("inf"), None), (0.0, float("inf"))]
)
def test_a_span_that_is_not_finite_is_refused(start: float, end: float | None) -> None:
    with pytest.raises(CorpusError, match="span"):
        Utterance("a", audio=Path("a.wav"), start=start, end=end)


@pytest.mark.parametrize(("start", "end"), [(None, None), (0.0, None), (None, 1.0), (1.0, 1.5)])
def test_open_and_closed_spans_are_allowed(start: float | None, end: float | None) -> None:
    utterance = Utterance("a", audio=Path("a.wav"), start=start, end=end)
    assert (utterance.start, utterance.end) == (start, end)


@pytest.mark.parametrize(
    ("audio", "text", "expected"),
    [
        (Path("a.wav"), "yes", ("audio", "text")),
        (Path("a.wav"), None, ("audio",)),
        (Path("a.wav"), "", ("audio",)),
        (Path("a.wav"), " \n\t", ("audio",)),
        (None, "yes", ("text",)),
        (None, "", ()),
    ],
)
def test_an_empty_transcript_is_an_absent_modality(
    audio: Path | None, text: str | None, expected: tuple[str, ...]
) -> None:
    assert Utterance("a", audio=audio, text=text).modalities == expected


def test_a_corpus_refuses_an_id_that_occurs_twice() -> None:
    twice = Utterance("a", text="yes")
    with pytest.raises(CorpusError, match="made: the id 'a' occurs twice"):
        Corpus((twice, Utterance("b", text="no"), twice), name="made")


def test_a_corpus_is_walked_in_its_order() -> None:
    corpus = Corpus((Utterance("b", text="no"), Utterance("a", text="yes")))
    assert [u.id for u in corpus] == ["b", "a"]
    assert len(corpus) == 2


def test_selecting_ids_keeps_the_order_of_the_corpus_and_its_name() -> None:
    selected = corpus_of("A", "B", "C").select(["u2", "u0"])
    assert [u.id for u in selected] == ["u0", "u2"]
    assert selected.name == "made"


def test_selecting_by_a_predicate_keeps_those_for_which_it_holds() -> None:
    assert [u.id for u in corpus_of("A", "B", "A").select(lambda u: u.speaker == "A")] == ["u0", "u2"]


def test_selecting_an_id_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(CorpusError, match="made: no utterance has the id 'u9'"):
        corpus_of("A").select(["u0", "u9"])


def test_selecting_changes_nothing_in_the_corpus() -> None:
    corpus = corpus_of("A", "B")
    corpus.select([])
    assert len(corpus) == 2


def test_relabelling_makes_null_what_is_not_named_and_keeps_every_utterance() -> None:
    labels = ("excited", None, "other")
    corpus = Corpus(tuple(Utterance(f"u{n}", text="yes", label=label) for n, label in enumerate(labels)))
    assert [u.label for u in corpus.relabel({"excited": "happy"})] == ["happy", None, None]
    assert [u.label for u in corpus] == list(labels)


def test_relabelling_adds_up_the_votes_that_come_to_have_one_name_and_keeps_the_others() -> None:
    voted = Utterance("a", text="yes", label="excited", votes={"happy": 1.0, "excited": 2.0, "other": 0.5})
    (relabelled,) = Corpus((voted,)).relabel({"happy": "happy", "excited": "happy"})
    assert relabelled.votes == {"happy": 3.0, "other": 0.5}
    assert voted.votes == {"happy": 1.0, "excited": 2.0, "other": 0.5}


def test_relabelling_makes_no_votes_where_there_are_none() -> None:
    (relabelled,) = Corpus((Utterance("a", text="yes", label="happy"),)).relabel({"happy": "joy"})
    assert relabelled.votes is None


def test_a_fold_whose_parts_share_nobody_is_returned_as_it_is() -> None:
    fold = Fold(1, "A", train=("u1",), validation=("u2",), test=("u0",), validation_unit="speaker")
    assert Fold.checked(corpus_of("A", "B", "C"), fold) is fold


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        (("u0",), (), ("u0",)),
        (("u0",), ("u0",), ("u1",)),
        (("u0",), ("u1",), ("u1",)),
        (("u0", "u0"), (), ("u1",)),
    ],
)
def test_an_utterance_in_two_parts_is_refused(
    train: tuple[str, ...], validation: tuple[str, ...], test: tuple[str, ...]
) -> None:
    with pytest.raises(CorpusError, match="fold 'made': an utterance is in two parts"):
        Fold.checked(corpus_of("A", "B"), Fold(1, "made", train, validation, test))


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [(("u0",), ("u2",), ("u1",)), (("u2",), ("u0",), ("u1",)), (("u0",), ("u1",), ("u2",))],
)
def test_a_speaker_in_two_parts_is_refused_by_name(
    train: tuple[str, ...], validation: tuple[str, ...], test: tuple[str, ...]
) -> None:
    with pytest.raises(CorpusError, match="fold 'made': speaker A is in two parts"):
        Fold.checked(corpus_of("A", "A", "B"), Fold(1, "made", train, validation, test, "speaker"))


def test_a_validation_part_cut_by_utterances_may_share_speakers_with_training() -> None:
    fold = Fold(1, "made", ("u0",), ("u1",), ("u2",), "utterance")
    assert Fold.checked(corpus_of("A", "A", "B"), fold) == fold


def test_a_validation_part_cut_by_utterances_may_not_share_speakers_with_the_test() -> None:
    with pytest.raises(CorpusError, match="speaker A is in two parts"):
        Fold.checked(corpus_of("A", "A", "B"), Fold(1, "made", ("u2",), ("u0",), ("u1",), "utterance"))


def test_speakers_that_nobody_knows_are_not_one_speaker() -> None:
    fold = Fold(1, "made", ("u0",), (), ("u1",))
    assert Fold.checked(corpus_of(None, None), fold) == fold


@pytest.mark.parametrize("labels", [("happy",), ("happy", "sad", "happy")])
def test_a_task_needs_two_or_more_different_labels(labels: tuple[str, ...]) -> None:
    with pytest.raises(CorpusError, match="two or more different labels"):
        Task(labels)


def test_a_prediction_is_the_most_probable_label_with_its_probability() -> None:
    prediction = Prediction.of(Utterance("a", text="yes"), {"happy": 0.2, "sad": 0.7, "angry": 0.1}, ("text",))
    assert (prediction.label, prediction.confidence) == ("sad", 0.7)


def test_a_prediction_says_so_where_text_was_given_and_not_used() -> None:
    both = Utterance("a", audio=Path("a.wav"), text="yes")
    assert (
        Prediction.of(both, {"happy": 1.0}, ("audio",)).text_unused
        == "the model takes no text, or the text has no words"
    )
    assert Prediction.of(both, {"happy": 1.0}, ("audio", "text")).text_unused is None
    assert Prediction.of(replace(both, text=""), {"happy": 1.0}, ("audio",)).text_unused is None


def test_a_prediction_is_one_line_of_json_with_the_keys_in_their_order() -> None:
    said = Utterance("a", Path("é.wav"), start=0.5, end=1.5, text="yes", text_source="gold", speaker="A")
    line = json.dumps(Prediction.of(said, {"happy": 0.75, "sad": 0.25}, ("audio", "text"), "m").as_dict())
    assert json.loads(line) == {
        "schema": "emofuse/prediction/1",
        "id": "a", "audio": "é.wav", "start": 0.5, "end": 1.5, "text": "yes", "text_source": "gold",
        "text_unused": None, "label": "happy", "probabilities": {"happy": 0.75, "sad": 0.25}, "confidence": 0.75,
        "abstained": False, "speaker": "A", "modalities": ["audio", "text"], "damaged": None,
        "model": "m", "model_scope": None, "relative_to": None,
    }  # fmt: skip
    assert tuple(json.loads(line)) == ("schema", *Prediction.KEYS)


def test_every_field_of_a_prediction_has_its_key() -> None:
    names = {field.name for field in fields(Prediction)}
    assert {
        *Prediction.KEYS,
        "notes",
        "dimensions",
        "segments",
        "speech",
    } == names  # those only where they say something


def test_a_missing_extra_is_reported_with_the_command_that_installs_it() -> None:
    error = MissingExtraError("train", "a picture")
    assert isinstance(error, EmofuseError)
    assert str(error) == 'a picture needs an optional part: pip install "emofuse[train]"'
