"""A timeline as it may be shown to people: without its words, or under pseudonyms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from emofuse.pages.contents import PageContents
from emofuse.pages.pseudonyms import Pseudonyms, without_names
from emofuse.types import Timeline


def shown_timeline(timeline: Timeline, contents: PageContents, channels: Iterable[str] = ()) -> Timeline:
    """Return what a page may show of a timeline; `audio` is kept, for whoever reads the recording.

    Args:
        timeline: of a recording, or of one channel of it.
        contents: what a page may hold.
        channels: the names of all channels of the recording; notes and reasons may name any of them.
    """
    if not contents.words:
        segments = tuple(replace(segment, text=None, text_source=None) for segment in timeline.segments)
        timeline = replace(timeline, segments=segments)
    return timeline if contents.pseudonyms is None else _renamed(timeline, contents.pseudonyms, channels)


def _renamed(timeline: Timeline, pseudonyms: Pseudonyms, channels: Iterable[str]) -> Timeline:
    """Put pseudonyms in place of the recording's id, path and file name, of the speakers and of the channels."""
    speakers = {segment.speaker for segment in timeline.segments} | {timeline.channel, *channels}
    by_speaker = {name: pseudonyms.of("speaker", name) for name in speakers if name is not None}
    recording = pseudonyms.of("recording", timeline.id)
    own = dict.fromkeys((timeline.id, timeline.audio, Path(timeline.audio).stem), recording)
    names = {**own, **by_speaker}
    return replace(
        timeline,
        id=recording,
        channel=None if timeline.channel is None else by_speaker[timeline.channel],
        segments=tuple(
            segment if segment.speaker is None else replace(segment, speaker=by_speaker[segment.speaker])
            for segment in timeline.segments
        ),
        excluded=tuple(replace(span, reason=without_names(span.reason, names)) for span in timeline.excluded),
        notes=tuple(without_names(note, names) for note in timeline.notes),
        damaged=None if timeline.damaged is None else without_names(timeline.damaged, names),
    )
