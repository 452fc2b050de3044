"""A timeline as a page: player, waveform, coloured segments, transcript and summary in one HTML file.

The page loads nothing but a large recording, which it links to. User text is never part of its script.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from emofuse.errors import AudioError
from emofuse.inference.timeline.envelope import Envelope
from emofuse.inference.timeline.highlights import highlights
from emofuse.inference.timeline.page_parts import changes_of, clock_time, entries_of, strip_of, summary_table_of
from emofuse.inference.timeline.text_fields import MEDIA_TYPES, facts
from emofuse.inference.timeline.timeline_summary import summarise, withheld_sentence
from emofuse.pages.colours import label_styles
from emofuse.pages.scope_banner import ScopeBanner
from emofuse.pages.templating import EMBEDDED, LINKED, Sources, render_page
from emofuse.types import WITHHELD, Timeline

# A larger recording is linked instead of embedded.
LARGEST_EMBEDDED_BYTES = 20 * 2**20
# The list of more segments is folded.
MOST_OPEN_SEGMENTS = 20


@dataclass(frozen=True)
class Player:
    """The source of the player: a link to the recording, or the recording itself as a data URL."""

    source: str
    linked: bool


def timeline_page(
    timeline: Timeline,
    waveform: Envelope | None = None,
    audio: Path | None = None,
    folder: Path = Path(),
    limit: int = LARGEST_EMBEDDED_BYTES,
) -> str:
    """Return the page of a timeline.

    Args:
        timeline: the segments of the recording with their predictions.
        waveform: the envelope of the recording; None draws no waveform.
        audio: the recording; None leaves the player out.
        folder: where the page will be saved; a large recording is linked relative to it.
        limit: the largest recording, in bytes, that is embedded in the page.

    Raises:
        AudioError: the recording cannot be read.
        MissingExtraError: jinja2 is not installed.
    """
    summary, styles = summarise(timeline), label_styles(timeline.labels)
    chosen = highlights(timeline)
    player = None if audio is None else _player(audio, folder, limit)
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


def _player(audio: Path, folder: Path, limit: int) -> Player:
    try:
        if audio.stat().st_size <= limit:
            return Player(_embedded(audio), linked=False)
    except OSError as error:
        raise AudioError(f"{audio}: cannot be opened ({error.strerror}), and the page plays it") from error
    return Player(_link(audio, folder), linked=True)


def _embedded(audio: Path) -> str:
    kind = MEDIA_TYPES.get(audio.suffix.lower(), "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(audio.read_bytes()).decode()}"


def _link(audio: Path, folder: Path) -> str:
    relative = Path(os.path.relpath(audio.resolve(), folder.resolve()))
    return quote(os.fsencode(relative.as_posix()))
