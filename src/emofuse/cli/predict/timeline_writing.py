"""The output of timelines: on stdout, or one file each in a folder; in every format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emofuse import layout
from emofuse.cli.predict.formats import encodable, shown_words
from emofuse.cli.predict.result_files import file_of
from emofuse.errors import CorpusError
from emofuse.pages.contents import EVERYTHING, PageContents
from emofuse.types import Timeline, shown_label
from emofuse.untrusted.json_text import to_json
from emofuse.untrusted.terminal_text import terminal_text

if TYPE_CHECKING:
    from emofuse.inference.timeline.envelope import Envelope
    from emofuse.inference.timeline.player import Player

# Formats in which several documents can follow one another on stdout.
JOINED_FORMATS = ("table", "json", "jsonl", "csv", "rttm")
# How many points of a waveform are drawn.
WAVEFORM_POINTS = 1200


@dataclass(frozen=True)
class TimelineWriter:
    """Writes timelines in one format.

    Attributes:
        format: the output format.
        channels: the numbers of the channels of a call by name.
        contents: what a page or a picture may hold.
    """

    format: str
    channels: Mapping[str, int] = field(default_factory=dict, hash=False)
    contents: PageContents = EVERYTHING

    def joined(self, timelines: Iterable[Timeline], count: int) -> Iterator[str]:
        """Return the parts of one text with all timelines, as they come.

        Args:
            timelines: the timelines.
            count: how many there are to be.

        Raises:
            CorpusError: the format holds one timeline only.
        """
        if self.format not in JOINED_FORMATS and count > 1:
            raise CorpusError(
                f"--format {self.format}: stdout can hold one timeline, not {count}; add --out to write files"
            )
        return self._joined(timelines, several=count > 1)

    def file_of(self, folder: Path, identity: str) -> Path:
        """Return the path of a timeline's file; under pseudonyms, it does not name the recording.

        Raises:
            RunError: the id leads out of the folder.
        """
        from emofuse.inference.timeline.formats import TIMELINE_SUFFIXES

        own = {"table": ".txt", "page": ".html", "picture": ".svg", "xlsx": ".xlsx"}
        suffix = own.get(self.format) or TIMELINE_SUFFIXES[self.format]  # type: ignore[index]  # checked before
        if self.contents.pseudonyms is not None:
            identity = self.contents.pseudonyms.of("recording", identity)
        return file_of(folder, identity, suffix)

    def write(self, timeline: Timeline, path: Path) -> None:
        """Write the file of a timeline, whole or not at all.

        Raises:
            RunError: it cannot be written.
        """
        if self.format == "xlsx":
            from emofuse.cli.predict.workbooks import save_timeline

            save_timeline(timeline, path)
        elif self.format == "picture":
            from emofuse.inference.timeline.picture import save_picture

            with layout.writing_file(path) as temporary:
                save_picture(self._shown(timeline), self._envelope(timeline), temporary)
        else:
            layout.write_text(path, encodable(self._text(timeline, path.parent)))

    def _joined(self, timelines: Iterable[Timeline], several: bool) -> Iterator[str]:
        number = 0
        for number, timeline in enumerate(timelines, start=1):
            if self.format == "json" and several:
                document = to_json(timeline.as_dict(), indent=2).replace("\n", "\n  ")
                yield f"{'[' if number == 1 else ','}\n  {document}"
            elif self.format == "csv" and number > 1:
                yield encodable(self._text(timeline)).partition("\n")[2]
            else:
                yield encodable(self._text(timeline))
        if self.format == "json" and several:
            yield "\n]\n" if number else "[]\n"

    def _text(self, timeline: Timeline, folder: Path = Path()) -> str:
        """Return a timeline as text; `folder` is where its file will be."""
        if self.format == "table":
            return timeline_table(with_shown_words(timeline))
        if self.format == "page":
            from emofuse.inference.timeline.page import timeline_page

            return timeline_page(self._shown(timeline), self._envelope(timeline), self._player(timeline, folder))
        from emofuse.inference.timeline.formats import TIMELINE_FORMATS

        return TIMELINE_FORMATS[self.format](timeline)  # type: ignore[index]  # checked before

    def _shown(self, timeline: Timeline) -> Timeline:
        """Return what a page or a picture shows of a timeline."""
        from emofuse.inference.timeline.shown_timeline import shown_timeline

        return shown_timeline(with_shown_words(timeline), self.contents, self.channels)

    def _player(self, timeline: Timeline, folder: Path) -> Player | None:
        from emofuse.inference.timeline.player import nameless_player, recording_player

        if not self.contents.audio:
            return None
        if self.contents.pseudonyms is not None:
            return nameless_player(Path(timeline.audio), timeline.seconds)
        return recording_player(Path(timeline.audio), folder)

    def _envelope(self, timeline: Timeline) -> Envelope:
        from emofuse.inference.timeline.envelope import envelope
        from emofuse.sound.recordings import Salvage
        from emofuse.sound.streams import mono_blocks

        channel = None if timeline.channel is None else self.channels[timeline.channel]
        return envelope(mono_blocks(Path(timeline.audio), channel=channel, salvage=Salvage()), WAVEFORM_POINTS)


def with_shown_words(timeline: Timeline) -> Timeline:
    """Return a timeline with its words as people may see them: in a sealed process they are masked."""
    shown = tuple(
        segment if segment.text is None else replace(segment, text=shown_words(segment.text))
        for segment in timeline.segments
    )
    return replace(timeline, segments=shown)


def timeline_table(timeline: Timeline) -> str:
    """Return a table to read: each segment, what was not analysed, the summary and the notes."""
    from emofuse.inference.timeline.timeline_summary import summarise, summary_table, withheld_sentence

    width = max(12, *(len(shown_label(label, abstained=True)) for label in timeline.labels))
    lines = [
        f"{timeline.id}: {timeline.speech_seconds:.1f} of {timeline.seconds:.1f} s, "
        f"segmentation {timeline.segmentation}"
    ]
    for one in timeline.segments:
        words = f"  {' '.join(one.text.split())!r}" if one.text else ""
        speaker = f"  {one.speaker}" if one.speaker else ""
        label = f"{shown_label(one.label, one.abstained):{width}} {one.confidence:5.0%}"
        lines.append(f"{one.start:8.2f} {one.end:8.2f}  {label}{speaker}{words}")
    lines += [f"{one.start:8.2f} {one.end:8.2f}  not analysed: {one.reason}" for one in timeline.excluded]
    summary = summarise(timeline)
    notes = [*filter(None, [withheld_sentence(summary)]), *timeline.notes]
    lines += ["", summary_table(summary).rstrip(), *(f"note: {note}" for note in notes)]
    return terminal_text(encodable("\n".join(lines))) + "\n"
