"""A timeline as a picture: the waveform, and below it each speaker's probabilities over time."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from emofuse.errors import RunError
from emofuse.inference.timeline.envelope import Envelope
from emofuse.inference.timeline.text_fields import Lane, by_speaker, one_line
from emofuse.pages.colours import palette
from emofuse.pages.figures import FigureKind, write_figure
from emofuse.types import WITHHELD, Segment, Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

KIND_BY_SUFFIX: dict[str, FigureKind] = {".svg": "svg", ".png": "png"}
WIDTH_INCHES, MARGIN_INCHES, ROW_INCHES = 12.0, 0.9, 1.4
TITLE_LINE_LETTERS = 150
MOST_LANES = 24
MOST_LEGEND_COLUMNS = 8
WITHHELD_COLOUR = "#e2e2e2"

Corners: TypeAlias = list[tuple[float, float]]


def save_picture(timeline: Timeline, waveform: Envelope | None, path: Path) -> None:
    """Draw a timeline into an SVG or PNG file: a row for the waveform, if any, and a row for each speaker.

    A segment is a stack of its probabilities; one on which the model abstained is grey and hatched, without them.

    Raises:
        MissingExtraError: matplotlib is not installed.
        RunError: the file has another suffix, or cannot be written.
    """
    kind = KIND_BY_SUFFIX.get(path.suffix.lower())
    if kind is None:
        raise RunError(f"{path}: a picture of a timeline is one of {', '.join(KIND_BY_SUFFIX)}")
    lanes = by_speaker(timeline)
    rows = min(len(lanes), MOST_LANES) + (waveform is not None)

    def draw(figure: Figure) -> None:
        _draw(figure, timeline, waveform, lanes)

    try:
        write_figure(draw, (WIDTH_INCHES, MARGIN_INCHES + ROW_INCHES * rows), path, kind)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror})") from error


def _draw(figure: Figure, timeline: Timeline, waveform: Envelope | None, lanes: list[Lane]) -> None:
    """Fill a figure: waveform, lanes, a common time axis, legend."""
    shown = lanes[:MOST_LANES]
    end = max([timeline.seconds, 0.001, *(segment.end for segment in timeline.segments)])
    axes = figure.subplots(len(shown) + (waveform is not None), 1, sharex=True, squeeze=False)[:, 0]
    if waveform is not None:
        _draw_waveform(axes[0], waveform, timeline.seconds)
    for lane, place in zip(shown, axes[waveform is not None :], strict=True):
        _draw_lane(place, lane, timeline)
    axes[-1].set_xlim(0.0, end)
    more = f"; the first {len(shown)} of {len(lanes)} rows" if len(shown) < len(lanes) else ""
    axes[-1].set_xlabel("seconds" + more)
    scope = textwrap.fill(one_line(timeline.model_scope or "the model states no scope"), TITLE_LINE_LETTERS)
    axes[0].set_title(f"{one_line(timeline.id)}\n{scope}", fontsize=9)
    handles = _legend_handles(timeline)
    if handles:
        columns = min(len(handles), MOST_LEGEND_COLUMNS)
        figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize="small")


def _draw_waveform(axes: Axes, waveform: Envelope, seconds: float) -> None:
    times = [start * seconds for start in waveform.starts]
    axes.fill_between(times, waveform.low, waveform.high, color="#555555", linewidth=0.5)
    axes.set_ylabel("waveform")
    axes.set_yticks([])


def _draw_lane(axes: Axes, lane: Lane, timeline: Timeline) -> None:
    """Draw the segments of a lane as stacks, one collection a label: a long recording has thousands."""
    from matplotlib.collections import PolyCollection

    segments = [segment for segment in lane.segments if not segment.abstained]
    withheld = [_box(segment, 0.0, 1.0) for segment in lane.segments if segment.abstained]
    below = [0.0] * len(segments)
    for label, colour in palette(timeline.labels).items():
        above = [base + segment.probabilities[label] for base, segment in zip(below, segments, strict=True)]
        boxes = [_box(*each) for each in zip(segments, below, above, strict=True)]
        axes.add_collection(PolyCollection(boxes, facecolors=colour, edgecolors="none"))
        below = above
    axes.add_collection(
        PolyCollection(withheld, facecolors=WITHHELD_COLOUR, edgecolors="#000000", linewidths=0, hatch="//")
    )
    axes.set_ylim(0.0, max([1.0, *below]))
    axes.set_ylabel(one_line(lane.name.removeprefix("@")) or "probability")


def _box(segment: Segment, bottom: float, top: float) -> Corners:
    return [(segment.start, bottom), (segment.end, bottom), (segment.end, top), (segment.start, top)]


def _legend_handles(timeline: Timeline) -> Sequence[Patch]:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=colour, label=one_line(name)) for name, colour in palette(timeline.labels).items()]
    if any(segment.abstained for segment in timeline.segments):
        handles.append(Patch(facecolor=WITHHELD_COLOUR, hatch="//", label=f"{WITHHELD} (withheld)"))
    return handles
