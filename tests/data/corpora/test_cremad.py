from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from emofuse.data.corpora.cremad import LABELS, SENTENCES, read_cremad
from emofuse.data.corpora.prepared import Prepared
from emofuse.data.labels import EMOTIONS
from emofuse.errors import CorpusError
from emofuse.types import Utterance

NAME = "1001_IEO_HAP_LO"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 72792\n"
HEADER = '"","A","D","F","H","N","S","fileName","numResponses","agreement","emoVote","meanEmoResp"\n'
DEMOGRAPHICS = """"ActorID","Age","Sex","Race","Ethnicity"
1001,51,"Male","Caucasian","Not Hispanic"
1002,21,"Female","Caucasian","Not Hispanic"
"""


def votes(number: int, counts: str, name: str = NAME) -> str:
    """Return a row of tabulatedVotes.csv; the counts are those of A, D, F, H, N and S."""
    return f'"{number}",{counts},"{name}",10,0.6,"H",53.5\n'


def write(root: Path, *names: str, rows: str | None = None, demographics: str | None = DEMOGRAPHICS) -> Path:
    """Write empty recordings, and the tables of the repository where they are given."""
    (root / "AudioWAV").mkdir(exist_ok=True)
    for name in names:
        (root / "AudioWAV" / name).touch()
    if rows is not None:
        (root / "processedResults").mkdir()
        (root / "processedResults/tabulatedVotes.csv").write_text(HEADER + rows)
    if demographics is not None:
        (root / "VideoDemographics.csv").write_text(demographics)
    return root


def clips() -> list[str]:
    """Name 7442 clips: an actor's 82, where the sentence IEO has three levels for all but neutral, less twenty."""
    return [
        f"{actor}_{sentence}_{emotion}_{level}"
        for actor in range(1001, 1092)
        for sentence in SENTENCES
        for emotion in LABELS
        for level in (("LO", "MD", "HI") if sentence == "IEO" and emotion != "NEU" else ("XX",))
    ][:7442]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    names = clips()
    rows = "".join(
        votes(mode + n, "0,0,0,6,4,0", name)
        for mode in (100_001, 200_001, 300_001)
        for n, name in enumerate(names)
    )
    sexes = "".join(f'{1001 + n},30,"{"Male" if n < 48 else "Female"}","Asian","Hispanic"\n' for n in range(91))
    demographics = DEMOGRAPHICS.split("\n", 1)[0] + "\n" + sexes
    root = tmp_path_factory.mktemp("cremad")
    return read_cremad(write(root, *(f"{name}.wav" for name in names), rows=rows, demographics=demographics))


def test_the_full_release_has_the_published_counts(full: Prepared) -> None:
    assert len(full.corpus) == 7442
    assert len({u.speaker for u in full.corpus}) == 91
    assert Counter({u.speaker: u.gender for u in full.corpus}.values()) == {"male": 48, "female": 43}
    assert (full.skipped, full.incomplete) == ((), None)


def test_the_name_and_the_tables_tell_all(tmp_path: Path) -> None:
    corpus = read_cremad(write(tmp_path, f"{NAME}.wav", rows=votes(100002, "1,0,0,2,6,0"))).corpus
    assert corpus.utterances == (
        Utterance(
            id=NAME,
            audio=tmp_path / f"AudioWAV/{NAME}.wav",
            text="It's eleven o'clock.",
            text_source="gold",
            label="happy",
            votes={"angry": 1.0, "happy": 2.0, "neutral": 6.0},
            speaker="cremad_1001",
            gender="male",
            language="en",
            tags={
                "source_label": "HAP", "acted": "happy", "voice_vote": "neutral", "level": "low",
                "sentence": "IEO",
            },
        ),
    )  # fmt: skip
    assert corpus.name == "cremad"


def test_only_the_votes_on_the_voice_are_read(tmp_path: Path) -> None:
    rows = votes(200002, "9,0,0,0,0,0") + votes(100002, "0,8,0,0,0,0") + votes(300002, "0,0,7,0,0,0")
    (utterance,) = read_cremad(write(tmp_path, f"{NAME}.wav", rows=rows)).corpus
    assert utterance.votes == {"disgusted": 8.0}


def test_a_tie_of_votes_is_joined_by_colons(tmp_path: Path) -> None:
    (utterance,) = read_cremad(write(tmp_path, f"{NAME}.wav", rows=votes(100002, "5,5,0,0,1,0"))).corpus
    assert utterance.tags["voice_vote"] == "angry:disgusted"


def test_without_tables_votes_and_gender_are_none_and_skips_say_so(tmp_path: Path) -> None:
    prepared = read_cremad(write(tmp_path, f"{NAME}.wav", demographics=None))
    (utterance,) = prepared.corpus
    assert (utterance.votes, utterance.gender, "voice_vote" in utterance.tags) == (None, None, False)
    assert [(skip.id, skip.reason.partition(": ")[2]) for skip in prepared.skipped] == [
        ("processedResults/tabulatedVotes.csv", "no utterance has votes and no tag voice_vote"),
        ("VideoDemographics.csv", "no utterance has gender"),
    ]


def test_what_only_the_table_or_only_the_recordings_know_is_skipped(tmp_path: Path) -> None:
    rows = votes(100003, "0,0,0,1,0,0", "1001_IEO_HAP_MD")
    prepared = read_cremad(write(tmp_path, f"{NAME}.wav", rows=rows))
    assert [(skip.id, skip.reason) for skip in prepared.skipped] == [
        ("1001_IEO_HAP_MD", "voted on in processedResults/tabulatedVotes.csv, but not recorded"),
        (NAME, "no votes in processedResults/tabulatedVotes.csv"),
    ]
    assert [u.votes for u in prepared.corpus] == [None]


def test_the_misnamed_file_finds_its_votes(tmp_path: Path) -> None:
    rows = votes(103213, "0,0,0,0,0,4", "1040_ITH_SAD_XX")
    (utterance,) = read_cremad(write(tmp_path, "1040_ITH_SAD_X.wav", rows=rows)).corpus
    assert (utterance.id, utterance.votes) == ("1040_ITH_SAD_XX", {"sad": 4.0})
    assert utterance.audio == tmp_path / "AudioWAV/1040_ITH_SAD_X.wav"


def test_a_pointer_of_git_lfs_is_skipped_with_the_remedy(tmp_path: Path) -> None:
    root = write(tmp_path, f"{NAME}.wav", rows=votes(100002, "0,0,0,1,0,0"))
    (root / "AudioWAV/1001_IEO_HAP_HI.wav").write_text(POINTER)
    prepared = read_cremad(root)
    assert [u.id for u in prepared.corpus] == [NAME]
    (skip,) = prepared.skipped
    assert skip.id == "AudioWAV/1001_IEO_HAP_HI.wav"
    assert "git lfs pull" in skip.reason


def test_nothing_but_pointers_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (write(tmp_path) / f"AudioWAV/{NAME}.wav").write_text(POINTER)
    with pytest.raises(CorpusError, match=r"AudioWAV: each recording is a pointer of Git LFS.*git lfs pull"):
        read_cremad(tmp_path)


def test_the_folder_of_the_recordings_will_do(tmp_path: Path) -> None:
    root = write(tmp_path, f"{NAME}.wav", rows=votes(100002, "0,0,0,1,0,0"))
    prepared = read_cremad(root / "AudioWAV")
    assert [(u.votes, u.gender) for u in prepared.corpus] == [({"happy": 1.0}, "male")]
    assert prepared.skipped == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("._1001_IEO_HAP_MD.wav", "a hidden file that an archive program left"),
        ("1001_IEO_HAP_MD.mp3", "the name is not of the form"),
        ("1001_IEO_HAP.wav", "the name is not of the form"),
        ("1041_ITH_SAD_X.wav", "the name is not of the form"),
        ("1001_XYZ_HAP_MD.wav", "unknown sentence, emotion or level code"),
        ("1001_IEO_SUR_MD.wav", "unknown sentence, emotion or level code"),
        ("1001_IEO_HAP_ZZ.wav", "unknown sentence, emotion or level code"),
    ],
)
def test_what_is_not_read_is_skipped_with_its_place_and_reason(tmp_path: Path, name: str, reason: str) -> None:
    prepared = read_cremad(write(tmp_path, f"{NAME}.wav", name, rows=votes(100002, "0,0,0,1,0,0")))
    assert [u.id for u in prepared.corpus] == [NAME]
    (skip,) = prepared.skipped
    assert skip.id == f"AudioWAV/{name}"
    assert reason in skip.reason
    assert prepared.incomplete is not None


def test_a_table_without_numbered_rows_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path, f"{NAME}.wav", rows="")
    (root / "processedResults/tabulatedVotes.csv").write_text('"A","D","F","H","N","S","fileName"\n')
    with pytest.raises(CorpusError, match=r"tabulatedVotes\.csv: has no column ''; take the table as it was"):
        read_cremad(root)


@pytest.mark.parametrize("row", ['"first",0,0,0,1,0,0,', '"100002",0,0,0,NA,0,0,'], ids=["number", "vote"])
def test_votes_that_are_no_numbers_are_refused_with_the_line(tmp_path: Path, row: str) -> None:
    with pytest.raises(CorpusError, match=r"tabulatedVotes\.csv:2: the number of a row and its votes are numbers"):
        read_cremad(write(tmp_path, f"{NAME}.wav", rows=row + NAME))


def test_labels_are_words_of_the_project() -> None:
    assert set(LABELS.values()) <= set(EMOTIONS)


def test_a_folder_without_recordings_is_refused_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no CREMA-D recording found; expected AudioWAV/1001_DFA_ANG_XX\.wav"):
        read_cremad(tmp_path)
