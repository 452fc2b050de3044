"""A timeline as a page: player, waveform, coloured segments, transcript and summary in one HTML file.

The page loads nothing but a large recording, which it links to. User text is never part of its script.
"""

from __future__ import annotations

from collections.abc import Mapping

from emofuse.inference.timeline.envelope import Envelope
from emofuse.inference.timeline.highlights import highlights
from emofuse.inference.timeline.page_parts import changes_of, clock_time, entries_of, strip_of, summary_table_of
from emofuse.inference.timeline.player import Player
from emofuse.inference.timeline.text_fields import facts
from emofuse.inference.timeline.timeline_summary import summarise, withheld_sentence
from emofuse.pages.colours import label_styles
from emofuse.pages.scope_banner import ScopeBanner
from emofuse.pages.templating import EMBEDDED, LINKED, Sources, render_page
from emofuse.types import WITHHELD, Timeline

# The list of more segments is folded.
MOST_OPEN_SEGMENTS = 20


def timeline_page(timeline: Timeline, waveform: Envelope | None = None, player: Player | None = None) -> str:
    """Return the page of a timeline.

    Args:
        timeline: the segments of the recording with their predictions.
        waveform: the envelope of the recording; None draws no waveform.
        player: plays the recording; None leaves the player out.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    summary, styles = summarise(timeline), label_styles(timeline.labels)
    chosen = highlights(timeline)
    values: Mapping[str, object] = {
        "id": timeline.id,
        "scope": ScopeBanner.of(timeline.model_scope),
        "length": clock_time(timeline.seconds),
        "analysed": clock_time(timeline.speech_seconds),
        "player": player,
        "styles": styles,
        "looks": {label: f"l{number} p{style.pattern}" for number, (label, style) in enumerate(styles.items())},
        "strip": strip_of(timeline, waveform),
        "changes": changes_of(summary),
        "standing_out": entries_of(chosen.standing_out, timeline.labels),
        "certain": entries_of(chosen.certain, timeline.labels),
        "transcript": entries_of(timeline.segments, timeline.labels),
        "most_open": MOST_OPEN_SEGMENTS,
        "summary": summary_table_of(summary),
        "withheld": withheld_sentence(summary),
        "unsure": WITHHELD,
        "gaps": timeline.excluded,
        "facts": facts(timeline),
    }
    media = None if player is None else LINKED if player.linked else EMBEDDED
    sources: Sources = {} if media is None else {"media-src": media}
    return render_page("timeline.html", values, "timeline.css", "timeline.js", sources)
