"""Turns from captions in XML: TTML (also called DFXP), and what video sites write."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from emofuse.errors import CorpusError
from emofuse.turns.language_codes import language_code
from emofuse.turns.turn_parsing import parse_seconds, turn_or_nothing
from emofuse.types import Turn

Element = ElementTree.Element
_TICKS = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[tfhm])")
_FRAMES = re.compile(r"(?P<clock>\d+:\d{2}:\d{2}):(?P<frames>\d+(?:\.\d+)?)")
# The names of attributes with the namespace left out.
_NAMESPACE = re.compile(r"\{[^{}]*\}")
SECONDS_PER_UNIT = {"h": 3600.0, "m": 60.0}
USUAL_FRAME_RATE = 30.0
# Ticks of a nanosecond are the finest that are written.
MOST_TICKS = 1e9


@dataclass(frozen=True)
class _Clock:
    """How many ticks and frames a second of a TTML file has."""

    ticks: float
    frames: float

    def seconds(self, written: str, place: str) -> float:
        """Parse a time as TTML writes it: a clock, with frames or not, or a number with a unit."""
        frames, ticks = _FRAMES.fullmatch(written), _TICKS.fullmatch(written)
        if frames is not None:
            rest = parse_seconds(frames["frames"], place) / self.frames
            return parse_seconds(frames["clock"], place) + rest
        if ticks is None:
            return parse_seconds(written, place)
        unit = {"t": 1.0 / self.ticks, "f": 1.0 / self.frames} | SECONDS_PER_UNIT
        return parse_seconds(ticks["number"], place) * unit[ticks["unit"]]


def read_xml_captions(text: str, path: Path) -> list[Turn]:
    """Read the captions of a TTML file, or of the XML of a video site.

    The agent of a caption is its speaker.

    Raises:
        CorpusError: it is damaged, or XML of another kind.
    """
    try:
        # The encoding that the file declares may be another than the one it was decoded from.
        root = ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except ElementTree.ParseError as error:
        raise CorpusError(f"{path}:{error.position[0]}: is not XML that can be read; export it again") from error
    kind = _plain(root.tag)
    if kind == "tt":
        return list(_ttml(root, path))
    if kind in ("transcript", "timedtext"):
        return list(_of_video_site(root, path))
    raise CorpusError(
        f"{path}: is XML, but no captions that are known here ({kind[:40]}); export SRT, VTT or TTML"
    )


def _ttml(root: Element, path: Path) -> Iterator[Turn]:
    keys = _attributes(root)
    try:
        frames = float(keys.get("frameRate", USUAL_FRAME_RATE))
        clock = _Clock(float(keys.get("tickRate", frames)), frames)
    except ValueError as error:
        raise CorpusError(f"{path}: its frameRate or tickRate is no number; export it again") from error
    if not all(1 <= rate <= MOST_TICKS for rate in (clock.ticks, clock.frames)):
        raise CorpusError(f"{path}: its frameRate or tickRate is 0, below 1 or far too large; export it again")
    agents = {
        _attributes(one).get("id"): " ".join("".join(one.itertext()).split())
        for one in _outermost(root, lambda one: _plain(one.tag) == "agent")
    }
    language = language_code(keys.get("lang"))
    for one, begin in _timed(root, clock, path):
        keys, place = _attributes(one), f"{path}: caption at {begin:g} s"
        end = begin + clock.seconds(keys["dur"], place) if "dur" in keys else None
        if "end" in keys:
            end = clock.seconds(keys["end"], place) + begin - clock.seconds(keys["begin"], place)
        if end is None:
            raise CorpusError(f"{place}: has no end; export it again")
        agent = keys.get("agent")
        for turn in turn_or_nothing(place, (begin, end), agents.get(agent) or agent, _words(one)):
            yield Turn(turn.start, turn.end, turn.speaker, turn.text, turn.text_source, language)


def _timed(root: Element, clock: _Clock, path: Path) -> Iterator[tuple[Element, float]]:
    """Yield captions with times and their beginnings; those of an element count from that of its parent."""
    waiting = [(child, 0.0) for child in reversed(root)]
    while waiting:
        one, base = waiting.pop()
        keys, kind = _attributes(one), _plain(one.tag)
        begin = base + (clock.seconds(keys["begin"], f"{path}: {kind}") if "begin" in keys else 0.0)
        if kind in ("p", "span") and "begin" in keys:
            yield one, begin
        else:
            waiting += [(child, begin) for child in reversed(one)]


def _outermost(root: Element, wanted: Callable[[Element], bool]) -> Iterator[Element]:
    """Yield the elements that are wanted, and none within them: their words are already read with them."""
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if wanted(one):
            yield one
        else:
            waiting += reversed(one)


def _of_video_site(root: Element, path: Path) -> Iterator[Turn]:
    """Yield the captions of YouTube: `text` with seconds, or `p` with milliseconds."""
    for one in _outermost(root, _is_caption):
        keys, seconds = one.attrib, "start" in one.attrib
        names, scale = (("start", "dur"), 1.0) if seconds else (("t", "d"), 1e-3)
        place = f"{path}: caption at {keys[names[0]]}"
        start, lasts = (parse_seconds(keys.get(name, "0"), place) * scale for name in names)
        yield from turn_or_nothing(place, (start, start + lasts), text=_words(one))


def _is_caption(element: Element) -> bool:
    kind, keys = _plain(element.tag), element.attrib
    return (kind == "text" and "start" in keys) or (kind == "p" and "t" in keys and not keys.get("a"))


def _words(element: Element) -> str:
    """Return the words below an element, with a blank for each break of a line."""
    for one in element.iter():
        if _plain(one.tag) == "br":
            one.tail = f" {one.tail or ''}"
    return " ".join(html.unescape("".join(element.itertext())).split())


def _attributes(element: Element) -> dict[str, str]:
    return {_plain(name): value for name, value in element.attrib.items()}


def _plain(name: object) -> str:
    return _NAMESPACE.sub("", name) if isinstance(name, str) else ""
