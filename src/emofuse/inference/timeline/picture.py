"""A timeline as a picture: the outline of the waveform, and below it probabilities over time."""

from __future__ import annotations

import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emofuse.errors import MissingExtraError, RunError
from emofuse.inference.timeline.colours import palette
from emofuse.inference.timeline.envelope import Envelope
from emofuse.inference.timeline.text_fields import Lane, by_speaker, one_line
from emofuse.types import Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".svg", ".png")
# Inches.
WIDTH, ROW = 12.0, 1.4
# Letters a line of the title.
LINE = 150
# More lanes than these no picture has room for.
ROWS = 24


def save_picture(timeline: Timeline, outline: Envelope | None, path: Path) -> None:
    """Draw a timeline into an SVG or PNG file: a row for the waveform, if any, and one for each speaker.

    A segment is a stack of its probabilities; one that is abstained from is hatched.

    Raises:
        MissingExtraError: matplotlib is not installed.
        RunError: the file is to be of another kind, or cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise RunError(f"{path}: a picture of a timeline is one of {', '.join(SUFFIXES)}")
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("train", "a picture") from error
    # A speaker may be called $x^$, or be written in letters that the reader has and matplotlib has not.
    plain = rc_context({"text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "emofuse"})
    with plain, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        lanes = by_speaker(timeline)
        rows = min(len(lanes), ROWS) + (outline is not None)
        figure = Figure(figsize=(WIDTH, 0.9 + ROW * rows), layout="constrained")
        _draw(figure, timeline, outline, lanes)
        try:
            figure.savefig(path, format=kind[1:], dpi=120, metadata={"Date": None} if kind == ".svg" else {})
        except OSError as error:
            raise RunError(f"{path}: cannot be written ({error.strerror})") from error


def _draw(figure: Any, timeline: Timeline, outline: Envelope | None, lanes: list[Lane]) -> None:
    """Fill a figure: waveform, lanes, one axis of time, legend."""
    shown = lanes[:ROWS]
    end = max([timeline.seconds, 0.001, *(segment.end for segment in timeline.segments)])
    axes = figure.subplots(len(shown) + (outline is not None), 1, sharex=True, squeeze=False)[:, 0]
    if outline is not None:
        _draw_waveform(axes[0], outline, timeline.seconds)
    for lane, place in zip(shown, axes[outline is not None :], strict=True):
        _draw_lane(place, lane, timeline)
    axes[-1].set_xlim(0.0, end)
    more = f"; the first {len(shown)} of {len(lanes)} rows" if len(shown) < len(lanes) else ""
    axes[-1].set_xlabel("seconds" + more)
    scope = textwrap.fill(one_line(timeline.model_scope or "the model states no scope"), LINE)
    axes[0].set_title(f"{one_line(timeline.id)}\n{scope}", fontsize=9)
    handles = _handles(timeline)
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 8), fontsize="small")


def _draw_waveform(axes: Axes, outline: Envelope, seconds: float) -> None:
    times = [start * seconds for start in outline.starts]
    axes.fill_between(times, outline.low, outline.high, color="#555555", linewidth=0.5)
    axes.set_ylabel("waveform")
    axes.set_yticks([])


def _draw_lane(axes: Axes, lane: Lane, timeline: Timeline) -> None:
    """Draw the segments of a lane as stacks, one collection a label: a long recording has thousands."""
    from matplotlib.collections import PolyCollection

    colours = palette(timeline.labels)
    below = [0.0] * len(lane.segments)
    for label in timeline.labels:
        above = [base + segment.probabilities[label] for base, segment in zip(below, lane.segments, strict=True)]
        boxes = [
            [(segment.start, base), (segment.end, base), (segment.end, top), (segment.start, top)]
            for segment, base, top in zip(lane.segments, below, above, strict=True)
        ]
        axes.add_collection(PolyCollection(boxes, facecolors=colours[label], edgecolors="none"))
        below = above
    withheld = [
        [(segment.start, 0.0), (segment.end, 0.0), (segment.end, top), (segment.start, top)]
        for segment, top in zip(lane.segments, below, strict=True)
        if segment.abstained
    ]
    axes.add_collection(
        PolyCollection(withheld, facecolors="none", edgecolors="#000000", linewidths=0, hatch="//")
    )
    axes.set_ylim(0.0, max([1.0, *below]))
    axes.set_ylabel(one_line(lane.name.removeprefix("@")) or "probability")


def _handles(timeline: Timeline) -> list[Any]:
    """Return what the legend shows."""
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=colour, label=one_line(label)) for label, colour in palette(timeline.labels).items()
    ]
    if any(segment.abstained for segment in timeline.segments):
        handles.append(Patch(facecolor="white", hatch="//", label="abstained"))
    return handles
