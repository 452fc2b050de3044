"""The pairs that the box's fusion learns from and is asked: which label meets which, at which length."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import voice_text_pairs
from corpus import KEYWORDS
from text_corpus import LABELS, Texts

from emofuse.training.sampling import drawing_shares
from emofuse.types import Corpus, Utterance

MOODS = tuple(LABELS.values())
SECONDS = 2.0


def clip(number: int, label: str, session: str) -> Utterance:
    tags = {"corpus": session} | ({} if session == KEYWORDS else {"labels": session})
    return Utterance(
        id=f"{session}/{number}", audio=Path(f"{number}.wav"), label=label, speaker="1", session=session, tags=tags
    )


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    clips = [clip(number, MOODS[number % 7], "acted") for number in range(210)]
    return Corpus((*clips, *(clip(number, "neutral", KEYWORDS) for number in range(20))))


@pytest.fixture(scope="module")
def sentences() -> voice_text_pairs.Sentences:
    """Return sentences of 1 to 20 words, each of which says its own label."""
    labelled = [(mood, count) for mood in range(7) for count in range(1, 21)]
    said = tuple(" ".join([MOODS[mood]] * count) for mood, count in labelled)
    labels = np.eye(7, dtype=np.float32)[[mood for mood, _ in labelled]]
    labels[0, 1] = 1  # of two labels: never drawn
    ids = tuple(map(str, range(len(said))))
    texts = Texts(ids, said, said, labels, np.full((len(said), 3), np.nan, dtype=np.float32))
    return voice_text_pairs.Sentences.of(texts, np.arange(len(said)))


@pytest.fixture(scope="module")
def training(corpus: Corpus, sentences: voice_text_pairs.Sentences) -> Corpus:
    return voice_text_pairs.training_pairs(corpus, sentences, {u.id: SECONDS for u in corpus})


def words_of(utterance: Utterance) -> Counter[str]:
    """Return how often an utterance's sentences say which label."""
    said = [utterance.text, *utterance.transcripts.values()] if utterance.text else []
    return Counter(text.split()[0] for text in said if text)


def test_sentences_have_one_label_and_a_length_that_fits_the_clip(
    sentences: voice_text_pairs.Sentences,
) -> None:
    assert "neutral" not in sentences.texts["neutral"]  # the one of one word has two labels
    drawn = sentences.draw("sad", SECONDS, 500, np.random.default_rng(0))
    assert {len(text.split()) for text in drawn} == set(range(2, 10))
    assert set(sentences.draw("sad", 60.0, 5, np.random.default_rng(0))) == {" ".join(["sad"] * 20)}
    assert set(sentences.draw("sad", 0.1, 5, np.random.default_rng(0))) == {"sad"}


def test_no_contradiction_is_trained_on(training: Corpus) -> None:
    for utterance in training:
        assert set(words_of(utterance)) <= {utterance.label, "neutral"}, utterance.id
        if utterance.audio is not None and utterance.text is not None:
            label = utterance.label
            voice = MOODS[int(utterance.audio.stem) % 7] if utterance.session == "acted" else "neutral"
            assert label == voice or (voice == "neutral" and set(words_of(utterance)) == {label}), utterance.id


def test_a_moved_voice_meets_neutral_words_in_three_of_ten(training: Corpus) -> None:
    known = {u.id: u for u in training}
    assert words_of(known["acted/1"]) == {"happy": 17, "neutral": 7}
    assert words_of(known["acted/0"]) == {"neutral": 24}


def test_every_clip_stands_alone_with_its_own_label(corpus: Corpus, training: Corpus) -> None:
    known = {u.id: u for u in training}
    for utterance in corpus:
        alone = known[f"{utterance.id}+heard"]
        assert (alone.text, alone.audio, alone.label) == (None, utterance.audio, utterance.label)
        assert alone.tags.get("labels") == utterance.tags.get("labels")


def test_sentences_are_read_alone_with_their_own_label(training: Corpus) -> None:
    alone = [u for u in training if u.audio is None]
    assert 0.15 < len(alone) / 230 < 0.35
    assert all(words_of(u) == {u.label: 24} and "labels" not in u.tags for u in alone)
    assert {u.label for u in alone if u.session == KEYWORDS} > {"neutral"}


def test_keywords_are_moved_by_nothing(training: Corpus) -> None:
    moved = [u for u in training if u.tags["group"].startswith("moved")]
    assert len(moved) == 30 * voice_text_pairs.MOVED_BY_WORDS
    assert {u.session for u in moved} == {"acted"}
    assert all("labels" not in u.tags for u in moved)


def test_groups_draw_labels_of_a_corpus_evenly(training: Corpus) -> None:
    shares = drawing_shares(training.utterances, ["group"])
    assert shares is not None
    drawn: Counter[str] = Counter()
    for utterance, share in zip(training, shares, strict=True):
        if utterance.audio is not None and utterance.session == "acted" and utterance.text is None:
            drawn[str(utterance.label)] += share
    assert np.allclose([drawn[mood] for mood in MOODS], drawn["sad"])


def test_what_is_asked_says_where_its_label_is_from(corpus: Corpus, sentences: voice_text_pairs.Sentences) -> None:
    asked = voice_text_pairs.evaluation_pairs(corpus, sentences, {u.id: SECONDS for u in corpus}, 3)
    assert len(asked) == 3 * len(corpus)
    for utterance in asked:
        voice, words, kind = (utterance.tags[name] for name in ("voice", "words", "pair"))
        assert words_of(utterance) == {words: 1}
        assert utterance.label == {"both": voice, "voice": voice, "words": words}[kind]
        assert {"both": voice == words, "voice": words == "neutral", "words": voice == "neutral"}[kind]
    kinds = Counter(u.tags["pair"] for u in asked)
    assert min(kinds[kind] for kind in ("both", "voice", "words")) > 50


def test_conflicts_contradict(corpus: Corpus, sentences: voice_text_pairs.Sentences) -> None:
    found = voice_text_pairs.conflicts(corpus, sentences, {u.id: SECONDS for u in corpus})
    assert len(found) == 180
    for utterance in found:
        assert utterance.tags["voice"] == utterance.label != utterance.tags["words"]
        assert "neutral" not in (utterance.tags["voice"], utterance.tags["words"])
