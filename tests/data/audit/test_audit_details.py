"""The audit's finer points: severities, counts, the protocol, the document, the figures, and its speed."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audit_faults import (
    PROTOCOL,
    annotation_tokens,
    changed,
    changed_at,
    fixed_sentences,
    missing,
    noise,
    quiet_copy_under_another_speaker,
    rich_text,
    script_in_every_session,
    silent,
    sounding_corpus,
    text_corpus,
    tie,
)
from small_corpus import LABELS, write_tone

from emofuse.data.audit import Audit, audit, refuse_errors
from emofuse.data.audit.finding import finding
from emofuse.data.labels import apply_policy
from emofuse.data.splits import draw_folds
from emofuse.errors import CorpusError, RecipeError
from emofuse.types import Corpus, Utterance


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return sounding_corpus(tmp_path_factory.mktemp("clean"))


def codes(found: Audit) -> set[str]:
    return {each.code for each in found.findings}


def test_a_quiet_copy_under_another_speaker_is_a_copy_and_two_silences_are_not(
    clean: Corpus, tmp_path: Path
) -> None:
    quiet, ids = quiet_copy_under_another_speaker(clean, tmp_path)
    found = {each.code: set(each.utterances) for each in audit(quiet, PROTOCOL).findings}
    assert found == {"duplicate-audio-across-speakers": ids}
    soundfile.write(tmp_path / "planted.wav", 0.3 * noise(loudness=0.002), 16_000, subtype="FLOAT")
    found = {each.code: set(each.utterances) for each in audit(quiet, PROTOCOL).findings}
    assert found == {"duplicate-audio-across-speakers": ids, "silent-audio": ids}
    soundfile.write(tmp_path / "planted.wav", np.zeros(8000), 16_000)
    found = {each.code: set(each.utterances) for each in audit(quiet, PROTOCOL).findings}
    assert found == {"silent-audio": ids}


def test_spans_of_one_recording_are_told_apart(clean: Corpus, tmp_path: Path) -> None:
    path = write_tone(tmp_path / "long.wav", 300, 2.0, seed=77)
    spans = {"1F_000": (0.0, 1.0), "3M_023": (1.0, 2.0)}
    cut = changed(
        clean,
        lambda u: {"audio": path, "start": spans[u.id][0], "end": spans[u.id][1]} if u.id in spans else {},
    )
    assert audit(cut, PROTOCOL).findings == ()
    same = changed_at(cut, set(spans), start=0.5, end=1.5)
    assert codes(audit(same, PROTOCOL)) == {"duplicate-audio-across-speakers"}


def test_text_overlap_is_an_error_where_the_protocol_promises_that_there_is_none(
    clean: Corpus, tmp_path: Path
) -> None:
    corpus, _ = script_in_every_session(clean, tmp_path)
    folds = draw_folds(corpus, PROTOCOL, "fixed")
    (found,) = audit(corpus, PROTOCOL, folds, text_independent=True).findings
    assert (found.code, found.severity) == ("text-overlap", "error")
    assert audit(corpus, PROTOCOL, text_independent=True).findings == ()  # they are purged


def test_the_share_of_overlapping_text_is_of_what_is_tested() -> None:
    corpus = text_corpus()
    halves = changed(corpus, lambda u: {"split": "test" if u.session == "3" else "train"})
    again = {"3F_016": rich_text(0), "3M_020": rich_text(1)}
    repeated = changed(halves, lambda u: {"text": again.get(u.id, u.text)})
    short_ones = changed_at(repeated, {"3F_017", "3F_018"}, text="oh no")
    (found,) = audit(short_ones, "predefined").findings
    assert found.message.startswith("2 of 6 tested utterances of four or more words (33.3%) ")
    assert set(found.utterances) == set(again)
    assert audit(short_ones, "predefined").facts["text_overlap"] == {"predefined": 0.25}


@pytest.mark.parametrize(("utterances", "severity"), [(96, "error"), (100, "warning"), (120, "warning")])
def test_text_that_is_the_label_is_an_error_above_one_per_cent(utterances: int, severity: str) -> None:
    corpus = text_corpus(per_label=5).select(lambda u: int(u.id[-3:]) < utterances)
    (found,) = audit(changed_at(corpus, {"1F_000"}, text="angry"), "leave-one-speaker-out").findings
    assert (found.code, found.severity, found.count) == ("text-is-label", severity, 1)


def test_a_label_policy_hides_no_text_that_is_the_label() -> None:
    corpus = changed(text_corpus(), lambda u: {"label": f"very {u.label}", "text": f"Very {u.label}!"})
    mapped, _ = apply_policy(corpus, {f"very {label}": f"e-{label}" for label in LABELS})
    assert "text-is-label" not in codes(audit(mapped, PROTOCOL))
    (found,) = (f for f in audit(mapped, PROTOCOL, unmapped=corpus).findings if f.code == "text-is-label")
    assert (found.severity, found.count) == ("error", 24)


def test_a_label_that_a_policy_leaves_out_is_no_tie() -> None:
    voted = changed(text_corpus(), lambda u: {"votes": {str(u.label): 2.0}})
    tied, _ = tie(voted, Path())
    mapped, _ = apply_policy(tied, {"happy": "happy", "sad": "sad"})
    (found,) = audit(mapped, PROTOCOL, unmapped=tied).findings
    assert (found.code, found.utterances) == ("label-tie", ("tie",))
    assert found.message == "raters came to no label for 1 of 25 utterances"


def test_annotation_tokens_that_are_kept_are_a_warning_and_other_brackets_are_none(
    clean: Corpus, tmp_path: Path
) -> None:
    corpus, ids = annotation_tokens(clean, tmp_path)
    (found,) = audit(corpus, PROTOCOL, annotations="keep").findings
    assert (found.severity, set(found.utterances)) == ("warning", ids)
    bracket = changed_at(clean, {"1F_000"}, text=f"[sic] {rich_text(0)}")
    assert audit(bracket, PROTOCOL, annotations="keep").findings == ()


@pytest.mark.parametrize("text", [None, "", "  ", "[LAUGHTER]"])
def test_a_corpus_without_words_gets_a_note_where_single_gaps_are_a_warning(clean: Corpus, text: str) -> None:
    found = {each.code: each for each in audit(changed(clean, lambda u: {"text": text}), PROTOCOL).findings}
    assert (found["text-missing"].severity, found["text-missing"].count) == ("note", 24)
    assert "text-uninformative" not in found
    found = {each.code: each for each in audit(changed_at(clean, {"1F_000"}, text=text), PROTOCOL).findings}
    assert (found["text-missing"].severity, found["text-missing"].count) == ("warning", 1)


def test_guests_with_one_emotion_are_a_note_and_one_line_tells_nothing() -> None:
    corpus = text_corpus(per_label=3)
    extra = [
        Utterance(f"guest{n}", text=rich_text(900 + n), label="sad", speaker="guest", session="1")
        for n in range(3)
    ]
    guests = [replace(corpus, utterances=(*corpus.utterances, *extra[:n])) for n in (1, 2, 3)]
    found = [audit(each, PROTOCOL).findings for each in guests]
    assert found[0] == ()
    assert [(f.code, f.severity, f.count) for f in (*found[1], *found[2])] == [
        ("speaker-single-label", "note", 2),
        ("speaker-single-label", "note", 3),
    ]


def test_the_sentences_that_tell_nothing_are_counted(clean: Corpus, tmp_path: Path) -> None:
    (found,) = audit(fixed_sentences(clean, tmp_path)[0], PROTOCOL).findings
    assert found.message.startswith("22 of 24 utterances say one of 2 sentences ")


def test_too_few_repeated_sentences_determine_nothing() -> None:
    corpus = changed_at(text_corpus(per_label=2), {"1F_000", "1F_004"}, text="get out")
    assert audit(corpus, PROTOCOL).findings == ()  # 2 of 48
    wide = changed(
        text_corpus(), lambda u: {"text": f"yes {u.label}"[: 8 if u.speaker == "1F" else 3], "speaker": u.speaker}
    )
    assert "text-determines-label" not in codes(audit(wide, PROTOCOL))


def test_the_document_has_the_keys_of_the_contract_and_is_plain_json(clean: Corpus, tmp_path: Path) -> None:
    document = audit(missing(clean, tmp_path)[0], PROTOCOL).as_dict()
    assert json.loads(json.dumps(document)) == document
    assert list(document) == ["schema", "protocol", "n_utterances", "findings"]
    assert (document["protocol"], document["n_utterances"]) == (PROTOCOL, 24)
    (found,) = document["findings"]
    assert list(found) == ["code", "severity", "count", "utterances", "message", "remedy"]


def test_the_protocol_is_that_which_the_corpus_suggests(clean: Corpus) -> None:
    assert audit(clean).protocol == PROTOCOL
    nobody = changed(clean, lambda u: {"session": None})
    assert audit(nobody).protocol == "leave-one-speaker-out"
    bare = changed(nobody, lambda u: {"speaker": None, "split": "test" if u.session == "1" else "train"})
    assert audit(bare).protocol is None
    split = changed(bare, lambda u: {"split": "test" if u.id < "2" else "train"})
    assert audit(split).protocol == "predefined"


def test_a_corpus_without_labels_is_audited_for_what_it_has(clean: Corpus, tmp_path: Path) -> None:
    silenced, ids = silent(changed(clean, lambda u: {"label": None}), tmp_path)
    found = audit(silenced)
    assert found.protocol is None
    assert [(f.code, set(f.utterances)) for f in found.findings] == [("silent-audio", ids)]


def test_the_facts_are_what_people_plot(clean: Corpus, tmp_path: Path) -> None:
    corpus, _ = silent(changed(clean, lambda u: {"votes": {"sad": 1.0, "happy": 1.0}}), tmp_path)
    facts = audit(corpus, PROTOCOL).facts
    assert len(facts["seconds"]) == 24
    assert len(facts["loudness"]) == 23  # digital silence has none
    assert facts["votes_entropy"] == [1.0] * 24
    assert facts["labels_by_session"] == {name: dict.fromkeys(LABELS, 2) for name in "123"}
    assert facts["labels_by_speaker"]["2M"] == dict.fromkeys(LABELS, 1)
    assert json.loads(json.dumps(facts)) == facts


def test_errors_refuse_a_run_in_one_sentence_with_the_way_on() -> None:
    ids = [f"u{n}" for n in range(5)]
    found = [finding("missing-audio", ids, "5 are gone"), finding("speaker-overlap", ["u9"], "1 speaker")]
    with pytest.raises(CorpusError) as caught:
        refuse_errors(found)
    assert str(caught.value) == (
        "the audit found missing-audio: 5 are gone (u0, u1, u2 and more); also speaker-overlap (1); "
        "check the corpus root, or prepare the manifest again, "
        "or continue with --accept missing-audio --accept speaker-overlap, which the results will show"
    )
    with pytest.raises(CorpusError, match=r"the audit found speaker-overlap: 1 speaker \(u9\); choose a speaker"):
        refuse_errors(found, accepted=["missing-audio"])
    refuse_errors(found, accepted=["missing-audio", "speaker-overlap", "text-overlap"])
    refuse_errors([finding("text-overlap", ids, "again")])
    with pytest.raises(RecipeError, match="--accept nonsense: is no finding of the audit; findings are speaker-"):
        refuse_errors([], accepted=["nonsense"])


def test_ten_thousand_utterances_take_seconds() -> None:
    words = [f"w{n}" for n in range(2000)]
    rng = np.random.default_rng(0)
    chances = 1 / np.arange(1, len(words) + 1)
    drawn = iter(rng.choice(words, size=150_000, p=chances / chances.sum()).tolist())
    lengths = rng.integers(2, 14, size=10_000)
    corpus = Corpus(
        tuple(
            Utterance(
                f"u{n:05}",
                audio=Path(f"/nowhere/{n}.wav"),
                text=" ".join(itertools.islice(drawn, int(length))),
                label=LABELS[n % 4],
                speaker=f"s{n % 10}",
                session=f"{n % 5}",
            )
            for n, length in enumerate(lengths)
        )
    )
    began = time.perf_counter()
    found = audit(corpus, PROTOCOL, draw_folds(corpus, PROTOCOL, "best"))
    assert time.perf_counter() - began < 30  # seconds; what is quadratic in the corpus took minutes
    assert codes(found) >= {"missing-audio", "text-overlap"}
