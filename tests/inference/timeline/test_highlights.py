"""What to listen to first: what is unusual in a recording, and what is certain; nothing that is withheld."""

from __future__ import annotations

from dataclasses import replace

from timelines import mostly_withheld, segment, timeline

from emofuse.inference.timeline.highlights import MOST_STANDING_OUT, highlights


def test_what_is_rare_stands_out_from_what_is_everywhere() -> None:
    usual = [segment(3.0 * n, 3.0 * n + 2.0, "neutral", 0.9) for n in range(20)]
    rare = segment(70.0, 72.0, "sad", 0.8)
    found = highlights(timeline(*usual, rare))
    assert found.standing_out[0] == rare
    assert len(found.standing_out) == MOST_STANDING_OUT
    assert [one.label for one in found.certain] == ["neutral", "neutral", "sad"]
    assert found.certain[0].confidence == 0.9


def test_what_is_withheld_or_short_is_no_highlight() -> None:
    withheld = segment(0.0, 2.0, "sad", 0.9, abstained=True)
    short = replace(segment(3.0, 3.5, "angry", 0.9), short=True)
    found = highlights(timeline(withheld, short))
    assert (found.standing_out, found.certain) == ((), ())
    assert not any(one.abstained for one in highlights(mostly_withheld()).certain)


def test_a_recording_of_one_label_has_nothing_that_stands_out() -> None:
    found = highlights(timeline(*(segment(2.0 * n, 2.0 * n + 2.0, "sad", 0.75) for n in range(4))))
    assert found.standing_out == ()
    assert len(found.certain) == 2
