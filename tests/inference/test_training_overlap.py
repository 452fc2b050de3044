"""Whether a card says that a model was trained on a corpus."""

from __future__ import annotations

from emofuse.inference.training_overlap import card_warnings


def test_cards_are_read_with_care() -> None:
    inflated, perhaps = "says that it was trained on", "may have been trained on it"
    for card, name, words in (
        ("---\ndatasets: crema_d\n---\n", "cremad", inflated),
        ("---\ndatasets:\n- superb\n---\nTrained on CREMA-D.", "cremad", perhaps),
        ("It was trained on the MSP-Podcast corpus.", "msppodcast", perhaps),
        ("It was trained on TESS.", "my_tess_test", perhaps),
        ("It was trained on Mycorpus.", "mycorpus", perhaps),
        ("| trained on | iemocap: 5 utterances", "iemocap", inflated),
        ("anything", "test", "names no corpus"),
        ("anything", "m", "names no corpus"),
        ("---\n: [\n---\nIEMOCAP", "iemocap", perhaps),
        ("---\n- x\n---\nIEMOCAP", "iemocap", perhaps),
    ):
        (found,) = card_warnings(card, name)
        assert words in found, (card, name)
    for card, name in (("Tessellation", "tess"), ("for melding", "meld"), ("trained on ravdess", "iemocap")):
        assert card_warnings(card, name) == []
