"""The parts of a timeline's page that show segments: legend, strip, transcript, figures."""

from __future__ import annotations

from emofuse.inference.timeline.envelope import Envelope
from emofuse.inference.timeline.page_style import Paint, escaped
from emofuse.inference.timeline.text_fields import Lane, by_speaker, caption, percent, sure
from emofuse.inference.timeline.timeline_summary import Share, Summary
from emofuse.types import Passed, Segment, Timeline

# Seconds between marks of the clock, of which the first is taken that needs no more than MARKS.
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600)
MARKS = 12
# Of a segment's probabilities so many are written out.
FIRST = 3


def legend(timeline: Timeline, paint: Paint) -> str:
    """Return what each colour and pattern means."""
    rows = [
        f"<li><span {paint.attributes(label, 'swatch')}></span>{escaped(label)}</li>" for label in timeline.labels
    ]
    rows.append('<li><span class="swatch withheld"></span>abstained: too unsure to say</li>')
    if timeline.passed:
        rows.append('<li><span class="swatch passed"></span>not analysed</li>')
    return f'<ul class="legend" aria-label="Legend">{"".join(rows)}</ul>'


def strip(timeline: Timeline, outline: Envelope | None, paint: Paint) -> str:
    """Return waveform and stretches over time, for the pointer; the transcript has the same for everybody."""
    end = max([timeline.seconds, 0.001, *(segment.end for segment in timeline.segments)])
    rows = [] if outline is None else [_waveform(outline, timeline.seconds / end)]
    rows += [_lane(lane, end, paint) for lane in by_speaker(timeline)]
    if timeline.passed:
        blocks = "".join(_gap(part, end) for part in timeline.passed)
        rows.append(f'<span class="who">not analysed</span><div class="track">{blocks}</div>')
    return (
        '<p><label>Zoom <input id="zoom" type="range" min="1" max="60" value="1"></label></p>\n'
        f'<div class="strip" aria-hidden="true"><div class="sheet" id="sheet" data-seconds="{end:.3f}">\n'
        + "\n".join([*rows, _clock(end)])
        + '\n<div id="head"></div></div></div>'
    )


def transcript(timeline: Timeline, paint: Paint) -> str:
    """Return the segments in order, each a button that plays it."""
    rows = "\n".join(f"<li>{_entry(segment, timeline, paint)}</li>" for segment in timeline.segments)
    none = "" if rows else "<p>No speech was found.</p>\n"
    return (
        '<section aria-labelledby="said">\n<h2 id="said">Transcript</h2>\n'
        "<p>A segment plays from its start; the arrow keys go from one to the next.</p>\n"
        f'{none}<ol id="transcript">\n{rows}\n</ol>\n</section>'
    )


def summary_section(summary: Summary) -> str:
    """Return the figures of the whole and of each speaker, and when it turned."""
    named = [share for share in summary.speakers if share.speaker is not None]
    shares = [("all", summary.whole), *((_who(share), share) for share in summary.speakers if named)]
    head = "".join(f'<th scope="col">{escaped(name)}</th>' for name in _columns(summary))
    rows = "".join(_figures(name, share, summary) for name, share in shares)
    turns = "".join(
        f"<li>{escaped(f'{_who(share)}, {_minutes(point.time)}: {point.before} to {point.after}')}</li>"
        for share in summary.speakers
        for point in share.turning_points
    )
    return (
        '<section id="summary" aria-labelledby="sums" tabindex="-1">\n<h2 id="sums">Summary</h2>\n'
        '<div class="tables"><table><caption>Share of the analysed time in which each label comes first</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>\n"
        f"<h3>Turning points</h3>\n{f'<ul>{turns}</ul>' if turns else '<p>None.</p>'}\n</section>"
    )


def _waveform(outline: Envelope, share: float) -> str:
    """Return an outline as one shape, across as much of the strip as the recording lasts."""
    places = [1000 * share * start for start in outline.starts]
    peak = max([1e-4, *map(abs, outline.high), *map(abs, outline.low)])  # a quiet recording is to be seen too
    above = [f"{x:.1f},{-y / peak:.3f}" for x, y in zip(places, outline.high, strict=True)]
    below = [f"{x:.1f},{-y / peak:.3f}" for x, y in zip(places, outline.low, strict=True)]
    points = " ".join([*above, *reversed(below)])
    return (
        '<svg class="wave" viewBox="0 -1 1000 2" preserveAspectRatio="none" role="img" aria-label="Waveform">'
        f'<polygon points="{points}" fill="#555" stroke="#555" vector-effect="non-scaling-stroke"/>'
        "</svg>"
    )


def _lane(lane: Lane, end: float, paint: Paint) -> str:
    blocks = []
    for segment in lane.segments:
        names = "block withheld" if segment.abstained else "block"
        look = paint.attributes(segment.label, names, _place(segment.start, segment.end, end))
        words = ("? " if segment.abstained else "") + segment.label
        blocks.append(f'<span {look} {_times(segment)} title="{escaped(caption(segment))}">{_word(words)}</span>')
    name = escaped(lane.name.removeprefix("@")) or "speech"
    return f'<span class="who">{name}</span><div class="track">{"".join(blocks)}</div>'


def _gap(part: Passed, end: float) -> str:
    style, reason = _place(part.start, part.end, end), escaped(part.reason)
    return f'<span class="block passed" style="{style}" title="{reason}">{reason}</span>'


def _clock(end: float) -> str:
    step = next((step for step in STEPS if end / step <= MARKS), STEPS[-1])
    marks = [
        f'<span style="left:{100 * time / end:.4f}%">{_minutes(time)}</span>'
        for time in range(0, int(end) + 1, step)
    ]
    return f'<div class="clock">{"".join(marks)}</div>'


def _entry(segment: Segment, timeline: Timeline, paint: Paint) -> str:
    """Return a segment as a button: when, what it sounds like, who, what was said, and what else is likely."""
    words = f"{segment.label} {sure(segment)}"
    tag = f"<span {paint.attributes(segment.label, 'tag')}>{_word(words)}</span>"
    who = "" if segment.speaker is None else f"<strong>{escaped(segment.speaker)}</strong> "
    short = " (short: little can be heard in it)" if segment.short else ""
    likely = sorted(timeline.labels, key=lambda label: -segment.probabilities[label])[:FIRST]
    chances = ", ".join(f"{escaped(label)} {percent(segment.probabilities[label])}" for label in likely)
    return (
        f'<button type="button" class="seek" {_times(segment)}>{_minutes(segment.start)}{tag}{who}'
        f'{escaped(segment.text or "")}<span class="chances">{chances}{short}</span></button>'
    )


def _word(words: str) -> str:
    """Return words that stand on plain ground within a pattern: stripes would strike them through."""
    return f'<span class="word">{escaped(words)}</span>'


def _columns(summary: Summary) -> list[str]:
    return ["speaker", "seconds", *summary.labels, "mean confidence", "abstained"]


def _figures(name: str, share: Share, summary: Summary) -> str:
    """Return a row of the table."""
    cells = [f"{share.seconds:.1f}"]
    cells += [percent(share.shares[label]) if label in share.shares else "-" for label in summary.labels]
    cells += ["-" if value is None else percent(value) for value in (share.confidence, share.abstained)]
    return f'<tr><th scope="row">{escaped(name)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _who(share: Share) -> str:
    return "unknown speaker" if share.speaker is None else share.speaker


def _times(segment: Segment) -> str:
    return f'data-start="{segment.start:.3f}" data-end="{segment.end:.3f}"'


def _place(start: float, end: float, whole: float) -> str:
    return f"left:{100 * start / whole:.4f}%;width:{100 * (end - start) / whole:.4f}%"


def _minutes(seconds: float) -> str:
    """Return a time as people read it.

    >>> _minutes(3723.4)
    '1:02:03'
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
