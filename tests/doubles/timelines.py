"""Timelines for tests: made by hand, drawn at random, and how they are compared with what readers found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st

from emofuse.types import Segment, Timeline

# A busy machine fails nobody.
calmly = settings(deadline=None, max_examples=50)
LABELS = ("angry", "neutral", "sad", "très gai")
SPEAKERS = (None, "Ann", "Bob B", "Bob_B", 'Zoë "Z" <z>', "unknown", "nan", "Ann (2)")
WORDS = (
    "I said no.",
    'she said "no"\nand left',
    "\n\n1\n00:00:00,000 --> 00:00:01,000\n\nfalse",
    "a < b & c > d -->",
    "\u2028 \x00\x0b\x85\ufffe ud800: \ud800",
    "你好 世界 🙂",
    '"',
    'item [1]:\nclass = "IntervalTier"',
    "a\tb\tc",
    "</script><script>alert(1)</script>",
)


@dataclass(frozen=True)
class Found:
    """What a reader found of a segment: seconds and label."""

    start: float
    end: float
    label: str


def segment(start: float, end: float, label: str = "neutral", sure: float = 0.7, **more: object) -> Segment:
    rest = (1.0 - sure) / (len(LABELS) - 1)
    chances = {name: sure if name == label else rest for name in LABELS}
    return replace(Segment(start, end, label, chances, sure), **more)  # type: ignore[arg-type]


def timeline(*segments: Segment, **more: object) -> Timeline:
    end = max((one.end for one in segments), default=0.0)
    return replace(Timeline("call", "calls/call.wav", end + 0.5, LABELS, segments), **more)  # type: ignore[arg-type]


def plain(segment: Segment) -> str:
    """Return the label, as formats with a column for abstention hold it."""
    return segment.label


def counted(segment: Segment) -> str:
    """Return the label as scripts count it."""
    return "unsure" if segment.abstained else segment.label


def shown(segment: Segment) -> str:
    """Return the label as people read it."""
    return f"unsure ({segment.label})" if segment.abstained else segment.label


def mostly_withheld() -> Timeline:
    """Return an interview of 200 s: the model abstained on nine in ten seconds, each time on another label."""
    own = []
    for number in range(20):
        speaker, start = ("Ann", "Bob B")[number % 2], 10.0 * number
        own.append(segment(start, start + 9.0, "angry", 0.4, speaker=speaker, abstained=True, text="Well."))
        own.append(segment(start + 9.0, start + 10.0, ("sad", "neutral")[number % 4 == 3], 0.8, speaker=speaker))
    return timeline(*own, seconds=200.0)


def assert_same(
    found: Sequence[Found],
    told: Timeline,
    in_order: bool = True,
    label_of: Callable[[Segment], str] = plain,
) -> None:
    """Fail unless all segments came back, to the millisecond, with their labels."""
    wanted = [Found(one.start, one.end, label_of(one)) for one in told.segments]
    if not in_order:
        found, wanted = sorted(found, key=_key), sorted(wanted, key=_key)
    assert [one.label for one in found] == [one.label for one in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert abs(one.start - other.start) <= 0.001
        assert abs(one.end - other.end) <= 0.001


def _key(found: Found) -> tuple[int, int, str]:
    return round(found.start * 1000), round(found.end * 1000), found.label


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    start = draw(st.floats(0.0, 100.0))
    return segment(
        start,
        start + draw(st.floats(0.002, 20.0)),
        draw(st.sampled_from(LABELS)),
        draw(st.floats(0.3, 1.0)),
        abstained=draw(st.booleans()),
        speaker=draw(st.sampled_from(SPEAKERS)),
        text=draw(st.none() | st.sampled_from(WORDS) | st.text(max_size=30)),
    )


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    own = sorted(draw(st.lists(segments(), max_size=8)), key=lambda one: one.start)
    return timeline(*own, id=draw(st.sampled_from(["call", "a b", 'ü"', "nan"])))


def long_timeline(count: int = 600) -> Timeline:
    """Return an hour and more of two people who talk at once now and then."""
    own = []
    for number in range(count):
        start = 7.3 * number + 0.0004 * number
        label, speaker = LABELS[number % 3], ("Ann", "Bob B")[number % 2]
        end = start + (10.0 if number % 5 == 0 else 5.0)
        own.append(segment(start, end, label, speaker=speaker, text=WORDS[number % 4]))
    return timeline(*own)
