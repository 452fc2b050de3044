from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from iemocap_tree import FOUR, HAPPY, OTHERS, RELEASE, TURNS, WOMEN, write_full_tree, write_trap_tree

from emofuse.data.corpora.iemocap import check_counts, read_iemocap
from emofuse.data.corpora.prepared import Prepared
from emofuse.data.labels import apply_policy
from emofuse.errors import CorpusError
from emofuse.types import Corpus, Utterance

DIALOGUE = "Ses01F_impro01"
EVALUATION = f"Session1/dialog/EmoEvaluation/{DIALOGUE}.txt"


@pytest.fixture(scope="module")
def traps(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return read_iemocap(write_trap_tree(tmp_path_factory.mktemp("traps")))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return read_iemocap(write_full_tree(tmp_path_factory.mktemp("full")))


def by_id(prepared: Prepared, name: str) -> Utterance:
    (found,) = prepared.corpus.select([name])
    return found


def reasons(prepared: Prepared, name: str) -> list[str]:
    return [skip.reason for skip in prepared.skipped if skip.id == name]


def four_by(corpus: Corpus, field: str) -> Counter[str]:
    four, _ = apply_policy(corpus, "iemocap4")
    return Counter(getattr(u, field) for u in four if u.label)


def test_a_turn_is_read_with_all_that_the_release_says_of_it(traps: Prepared) -> None:
    turn = by_id(traps, f"{DIALOGUE}_F000")
    assert turn.audio is not None
    assert turn.audio.is_file()
    assert replace(turn, audio=Path("a.wav")) == Utterance(
        id="Ses01F_impro01_F000",
        audio=Path("a.wav"),
        text="Excuse me.",
        text_source="gold",
        label="neutral",
        votes={"neutral": 2.5, "frustrated": 0.5},
        dimensions={"valence": 2.5, "arousal": 2.0, "dominance": 3.5},
        speaker="Ses01F",
        session="Ses01",
        gender="female",
        dialogue=DIALOGUE,
        language="en",
        tags={"source_label": "neu", "style": "improvised", "script": "impro01", "take": "F"},
    )


def test_the_speaker_is_the_letter_of_the_last_field_not_of_the_prefix(traps: Prepared) -> None:
    man = by_id(traps, "Ses01F_impro01_M000")
    woman = by_id(traps, "Ses01M_script01_1_F000")
    assert (man.speaker, man.gender, man.tags["take"]) == ("Ses01M", "male", "F")
    assert (woman.speaker, woman.gender, woman.tags["take"]) == ("Ses01F", "female", "M_1")


def test_a_tie_keeps_its_turn_and_its_votes_without_a_label(traps: Prepared) -> None:
    tie = by_id(traps, f"{DIALOGUE}_F001")
    assert (tie.label, tie.tags["source_label"]) == (None, "xxx")
    assert tie.votes == pytest.approx({"neutral": 1, "angry": 1, "sad": 1 / 3, "fearful": 1 / 3, "other": 1 / 3})


def test_self_evaluations_are_no_votes(traps: Prepared) -> None:
    assert "angry" not in (by_id(traps, f"{DIALOGUE}_F000").votes or {})
    assert by_id(traps, f"{DIALOGUE}_M001").votes is None


def test_a_vote_for_no_known_emotion_is_left_out_with_a_record(traps: Prepared) -> None:
    assert by_id(traps, f"{DIALOGUE}_M000").votes == {"frustrated": 2.0}
    assert reasons(traps, f"{DIALOGUE}_M000") == [
        "the vote 'Bewilderment;' names no known emotion and is left out"
    ]


def test_text_keeps_its_colons_and_its_bracketed_tokens(traps: Prepared) -> None:
    spoken = by_id(traps, f"{DIALOGUE}_M000")
    assert spoken.text == "Look: it is ten past 5: we [laughter] have to go."
    assert by_id(traps, f"{DIALOGUE}_F001").text == "[BREATHING]"


def test_an_empty_transcription_is_no_text(traps: Prepared) -> None:
    silent = by_id(traps, f"{DIALOGUE}_M001")
    assert (silent.text, silent.text_source) == (None, None)
    assert reasons(traps, f"Session1/dialog/transcriptions/{DIALOGUE}.txt:8") == [
        f"a second text for {DIALOGUE}_M001; the first is kept"
    ]


def test_each_code_of_the_summary_becomes_the_word_of_the_project(traps: Prepared) -> None:
    read = {u.tags["source_label"]: u.label for u in traps.corpus if u.dialogue == "Ses01M_script01_1"}
    assert read == {
        "neu": "neutral", "hap": "happy", "exc": "excited", "ang": "angry", "sad": "sad", "fru": "frustrated",
        "sur": "surprised", "fea": "fearful", "dis": "disgusted", "oth": "other",
    }  # fmt: skip


def test_each_name_that_a_rater_uses_is_a_vote_for_the_same_label(traps: Prepared) -> None:
    for turn in traps.corpus:
        if turn.dialogue == "Ses01M_script01_1":
            assert turn.votes == {turn.label: 2.0}


def test_windows_line_ends_and_accents_are_read(traps: Prepared) -> None:
    assert by_id(traps, "Ses01M_script01_1_F003").text == "My fiancé said Anger."


def test_evaluated_turns_without_a_recording_are_skipped_with_a_reason(traps: Prepared) -> None:
    name = f"{DIALOGUE}_F002"
    assert name not in {u.id for u in traps.corpus}
    assert reasons(traps, name) == ["evaluated, but not recorded in Session1/sentences/wav"]


@pytest.mark.parametrize(
    ("turn", "done"), [("F003", "recorded"), ("MXX0", "recorded"), ("FXX1", "transcribed")], ids=str
)
def test_what_nobody_evaluated_is_skipped_once_with_a_reason(traps: Prepared, turn: str, done: str) -> None:
    assert reasons(traps, f"{DIALOGUE}_{turn}") == [f"{done}, but not evaluated in Session1/dialog/EmoEvaluation"]


def test_lines_without_the_id_of_a_turn_are_skipped_with_their_place(traps: Prepared) -> None:
    assert reasons(traps, f"Session1/dialog/transcriptions/{DIALOGUE}.txt:3") == [
        "a line without the id of a turn, such as a back-channel"
    ]


def test_hidden_and_strange_files_are_skipped_with_a_reason(traps: Prepared) -> None:
    hidden = [skip.id for skip in traps.skipped if "hidden" in skip.reason]
    assert hidden == [
        f"Session1/dialog/EmoEvaluation/._{DIALOGUE}.txt",
        f"Session1/dialog/transcriptions/._{DIALOGUE}.txt",
        f"Session1/sentences/wav/{DIALOGUE}/._{DIALOGUE}_F000.wav",
    ]
    assert reasons(traps, f"Session1/dialog/EmoEvaluation/{DIALOGUE} (copy).txt") == [
        "not the name of a dialogue or a turn"
    ]


def test_the_folders_of_the_single_raters_are_not_read(traps: Prepared) -> None:
    assert not [skip for skip in traps.skipped if "Categorical" in skip.id or "Attribute" in skip.id]


def test_script_and_take_tell_the_parts_of_a_scenario_and_the_second_start_of_a_script_apart(
    traps: Prepared,
) -> None:
    takes = {u.dialogue: (u.tags["style"], u.tags["script"], u.tags["take"]) for u in traps.corpus}
    assert takes["Ses03M_impro05a"] == ("improvised", "impro05", "M_a")
    assert takes["Ses03M_impro05b"] == ("improvised", "impro05", "M_b")
    assert takes["Ses05M_script01_1"] == ("scripted", "script01", "M_1")
    assert takes["Ses05M_script01_1b"] == ("scripted", "script01", "M_1b")


def test_a_dialogue_whose_name_begins_another_keeps_its_own_texts(traps: Prepared) -> None:
    assert by_id(traps, "Ses05M_script01_1_F000").text == "Begun."
    assert by_id(traps, "Ses05M_script01_1b_F000").text == "Begun again."


def test_a_dialogue_without_transcription_has_no_text_and_a_record(traps: Prepared) -> None:
    assert by_id(traps, "Ses03M_impro05b_F000").text is None
    assert len(reasons(traps, "Session3/dialog/transcriptions/Ses03M_impro05b.txt")) == 1


def test_missing_sessions_are_skipped_by_name(traps: Prepared) -> None:
    assert [skip.id for skip in traps.skipped if "missing session" in skip.reason] == ["Session2", "Session4"]
    assert {u.session for u in traps.corpus} == {"Ses01", "Ses03", "Ses05"}


def test_an_id_with_xx_that_somebody_did_evaluate_is_a_turn(tmp_path: Path) -> None:
    release = write_trap_tree(tmp_path)
    with (release / EVALUATION).open("a") as file:
        file.write(f"\n[10.0 - 10.2]\t{DIALOGUE}_MXX0\tneu\t[3.0, 3.0, 3.0]\n")
    turn = by_id(read_iemocap(release), f"{DIALOGUE}_MXX0")
    assert (turn.text, turn.speaker) == ("Yeah.", "Ses01M")


def test_the_folder_that_holds_the_release_will_do(tmp_path: Path, traps: Prepared) -> None:
    write_trap_tree(tmp_path)
    assert [u.id for u in read_iemocap(tmp_path).corpus] == [u.id for u in traps.corpus]


def test_a_folder_without_sessions_is_refused(tmp_path: Path) -> None:
    (tmp_path / RELEASE).mkdir()
    with pytest.raises(CorpusError, match="Session1 to Session5"):
        read_iemocap(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder"):
        read_iemocap(tmp_path / "nowhere")


@pytest.mark.parametrize("part", ["dialog/EmoEvaluation", "dialog/transcriptions", "sentences/wav"])
def test_a_session_that_is_half_unpacked_is_refused_with_what_it_lacks(tmp_path: Path, part: str) -> None:
    release = write_trap_tree(tmp_path)
    shutil.rmtree(release / "Session3" / part)
    with pytest.raises(CorpusError, match=f"Session3: holds no {part}"):
        read_iemocap(release)


def test_a_release_without_any_recording_of_its_turns_is_refused(tmp_path: Path) -> None:
    release = write_trap_tree(tmp_path)
    for wav in release.rglob("*.wav"):
        wav.rename(wav.with_stem(f"{wav.parent.name}_F099"))
    with pytest.raises(CorpusError, match="no evaluated turn has its recording"):
        read_iemocap(release)


def test_an_unknown_label_is_refused_with_file_and_line(tmp_path: Path) -> None:
    release = write_trap_tree(tmp_path)
    path = release / EVALUATION
    path.write_text(path.read_text().replace("\tfru\t", "\tbew\t"))
    with pytest.raises(CorpusError, match=r"Ses01F_impro01\.txt:12: unknown label 'bew'; known are ang, "):
        read_iemocap(release)


@pytest.mark.parametrize(
    "broken",
    [
        "[7.5712 - 10.4750]\tSes01F_impro01_M000\tfru",
        "[7.5712 - 10.4750]\tSes01F_impro01_M000\tfru\t[2.0000, 3.0000, high]",
        "[7.5712 - 10.4750]\tSes01F_impro01\tfru\t[2.0000, 3.0000, 3.0000]",
    ],
    ids=["cut off", "not a number", "no turn"],
)
def test_a_malformed_summary_is_refused_with_file_and_line(tmp_path: Path, broken: str) -> None:
    release = write_trap_tree(tmp_path)
    path = release / EVALUATION
    lines = path.read_text().split("\n")
    path.write_text("\n".join([*lines[:11], broken, *lines[12:]]))
    with pytest.raises(CorpusError, match=r"Ses01F_impro01\.txt:12: not of the form"):
        read_iemocap(release)


def test_a_turn_that_is_evaluated_twice_is_refused(tmp_path: Path) -> None:
    release = write_trap_tree(tmp_path)
    path = release / EVALUATION
    path.write_text(path.read_text() + path.read_text())
    with pytest.raises(CorpusError, match="Session1: the id 'Ses01F_impro01_F000' occurs twice"):
        read_iemocap(release)


def test_the_full_release_has_the_published_counts(full: Prepared) -> None:
    assert len(full.corpus) == 10_039
    assert len({u.dialogue for u in full.corpus}) == 151
    assert Counter(u.tags["source_label"] for u in full.corpus) == {
        **HAPPY, **OTHERS, "neu": 1708, "ang": 1103, "sad": 1084,
    }  # fmt: skip
    assert check_counts(full.corpus) is None


def test_the_four_classes_of_the_full_release_have_the_published_counts(full: Prepared) -> None:
    assert four_by(full.corpus, "label") == {"neutral": 1708, "happy": 1636, "angry": 1103, "sad": 1084}
    assert four_by(full.corpus, "session") == {f"Ses0{session}": sum(FOUR[session]) for session in FOUR}
    speakers = four_by(full.corpus, "speaker")
    assert {session: speakers[f"Ses0{session}F"] for session in WOMEN} == WOMEN


def test_the_votes_of_the_full_release_agree_with_its_labels(full: Prepared) -> None:
    for turn in full.corpus:
        assert turn.votes
        first, *others = sorted(turn.votes, key=lambda label: -turn.votes[label])
        clear = not others or turn.votes[first] > turn.votes[others[0]]
        assert turn.label == (first if clear else None)


def test_scripts_are_spoken_in_every_session(full: Prepared) -> None:
    sessions = {}
    for turn in full.corpus:
        if turn.tags["style"] == "scripted" and len((turn.text or "").split()) >= 8:
            sessions.setdefault(turn.text, set()).add(turn.session)
    assert max(len(found) for found in sessions.values()) == len(TURNS)


def test_counts_that_differ_are_reported_in_one_sentence(full: Prepared) -> None:
    without = full.corpus.select(lambda u: u.session != "Ses02")
    message = check_counts(without)
    assert message is not None
    assert "turns 8228 for 10039, neutral 1346 for 1708" in message
    assert message.endswith("Ses02 0 for 1023")


def test_a_shortened_tree_has_a_sound_of_its_own_for_each_turn(tmp_path: Path) -> None:
    corpus = read_iemocap(write_full_tree(tmp_path, dialogues=1, audio_seconds=0.1)).corpus
    sounds = {u.audio.read_bytes() for u in corpus if u.audio}
    assert len({u.dialogue for u in corpus}) == len(TURNS)
    assert len(sounds) == len(corpus)
