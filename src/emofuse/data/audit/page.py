"""The audit as a page: its findings and figures of the corpus in one HTML file, without scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from emofuse.pages.colours import palette
from emofuse.pages.figures import Drawing, svg_data_url
from emofuse.pages.pseudonyms import Pseudonyms
from emofuse.pages.templating import EMBEDDED, displayable, render_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A finding names this many utterances.
MOST_UTTERANCES = 200
# A bar chart shows this many rows.
MOST_ROWS = 60
# How messages name an example.
_EXAMPLE = re.compile(r", (such as|the first:) .*", re.DOTALL)
BAR_COLOUR = "#4a6fa5"
HISTOGRAM_BINS = 40
WIDTH_INCHES, LOWEST_INCHES, MARGIN_INCHES, ROW_INCHES = 8.0, 2.4, 0.8, 0.24


@dataclass(frozen=True)
class PageFigure:
    """A figure of the page.

    Attributes:
        title: what it shows.
        source: the figure as a data URL.
        described: the same in a sentence, for those who do not see it.
        heads, rows: the same in numbers; empty for a histogram.
    """

    title: str
    source: str
    described: str
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def audit_page(
    name: str, document: Mapping[str, Any], facts: Mapping[str, Any], pseudonyms: Pseudonyms | None = None
) -> str:
    """Return the page of an audit.

    Args:
        name: of the corpus.
        document: `protocol`, `n_utterances` and `findings`, as `emofuse audit --json` prints them.
        facts: durations in seconds, loudness in dBFS, counts of labels by speaker and by session, entropy of votes
            in bits, and the share of each fold's test part whose text also occurs in training.
        pseudonyms: stand for the names of the corpus, its utterances, speakers and sessions; None keeps the names.

    Raises:
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    if pseudonyms is not None:
        name = pseudonyms.of("corpus", name)
        document, facts = _renamed_document(document, pseudonyms), _renamed_facts(facts, pseudonyms)
    figures = [*_histograms(facts), *_bar_charts(facts)]
    values = {"name": name, "document": document, "figures": figures, "most_utterances": MOST_UTTERANCES}
    return render_page("audit.html", values, "audit.css", sources={"img-src": EMBEDDED})


def _renamed_document(document: Mapping[str, Any], pseudonyms: Pseudonyms) -> dict[str, Any]:
    """Put pseudonyms in place of utterances, and leave out the examples at the end of messages."""
    findings = [
        {
            **finding,
            "utterances": [pseudonyms.of("utterance", one) for one in finding["utterances"]],
            "message": _EXAMPLE.sub("", finding["message"]),
        }
        for finding in document["findings"]
    ]
    return {**document, "findings": findings}


def _renamed_facts(facts: Mapping[str, Any], pseudonyms: Pseudonyms) -> dict[str, Any]:
    """Put pseudonyms in place of speakers and sessions, and numbers in place of test parts, which name them."""
    speakers, sessions = facts["labels_by_speaker"], facts["labels_by_session"]
    return {
        **facts,
        "labels_by_speaker": {pseudonyms.of("speaker", name): row for name, row in speakers.items()},
        "labels_by_session": {pseudonyms.of("session", name): row for name, row in sessions.items()},
        "text_overlap": {f"part {n}": share for n, share in enumerate(facts["text_overlap"].values(), start=1)},
    }


def _histograms(facts: Mapping[str, Any]) -> list[PageFigure]:
    titled = (
        ("seconds", "Durations", "seconds"),
        ("loudness", "Loudness", "dBFS (0 is the loudest a file can hold)"),
        ("votes_entropy", "Disagreement of raters", "bits (0: all agree)"),
    )
    figures = []
    for key, title, unit in titled:
        if facts[key]:
            low, middle, high = min(facts[key]), median(facts[key]), max(facts[key])
            described = (
                f"{title}: from {low:.1f} to {high:.1f} {unit}; half of the utterances are below {middle:.1f}"
            )
            figures.append(PageFigure(title, _drawn(_histogram(facts[key], unit)), described))
    return figures


def _bar_charts(facts: Mapping[str, Any]) -> list[PageFigure]:
    figures = []
    for key, title, unit in (
        ("labels_by_speaker", "Labels by speaker", "speaker"),
        ("labels_by_session", "Labels by session", "session"),
    ):
        if facts[key]:
            shown = dict(list(facts[key].items())[:MOST_ROWS])
            labels = sorted({label for row in shown.values() for label in row})
            rows = tuple((name, *(str(row.get(label, 0)) for label in labels)) for name, row in shown.items())
            drawn = _drawn(_stacked_bars(shown), len(shown))
            figures.append(_chart(title, drawn, (unit, *labels), rows, len(facts[key])))
    overlap = facts["text_overlap"]
    if overlap:
        shown = dict(list(overlap.items())[:MOST_ROWS])
        rows = tuple((name, f"{share:.1%}") for name, share in shown.items())
        drawn = _drawn(_bars(shown), len(shown))
        title = "Share of each test part whose text also occurs in training"
        figures.append(_chart(title, drawn, ("test part", "share"), rows, len(overlap)))
    return figures


def _chart(
    title: str, drawn: str, heads: tuple[str, ...], rows: tuple[tuple[str, ...], ...], count: int
) -> PageFigure:
    """Return a bar chart; `count` is how many rows there would be without a limit."""
    more = "" if len(rows) == count else f", the first {len(rows)} of {count}"
    return PageFigure(title + more, drawn, f"{title}; the numbers are in the table below", heads, rows)


def _drawn(draw: Drawing, rows: int = 0) -> str:
    height = max(LOWEST_INCHES, MARGIN_INCHES + ROW_INCHES * rows)
    return svg_data_url(draw, (WIDTH_INCHES, height))


def _histogram(values: Sequence[float], unit: str) -> Drawing:
    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.hist(values, bins=HISTOGRAM_BINS, color=BAR_COLOUR)
        axes.set_xlabel(unit)
        axes.set_ylabel("utterances")

    return draw


def _bars(shares: Mapping[str, float]) -> Drawing:
    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.barh(range(len(shares)), list(shares.values()), color=BAR_COLOUR)
        axes.set_yticks(range(len(shares)), [displayable(name) for name in shares])
        axes.set_xlim(0.0, 1.0)
        axes.invert_yaxis()

    return draw


def _stacked_bars(counts: Mapping[str, Mapping[str, int]]) -> Drawing:
    colours = palette(sorted({label for row in counts.values() for label in row}))

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        left = [0] * len(counts)
        for label, colour in colours.items():
            width = [row.get(label, 0) for row in counts.values()]
            axes.barh(range(len(counts)), width, left=left, label=displayable(label), color=colour)
            left = [a + b for a, b in zip(left, width, strict=True)]
        axes.set_yticks(range(len(counts)), [displayable(name) for name in counts])
        axes.invert_yaxis()
        axes.set_xlabel("utterances")
        axes.legend(fontsize="small", ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))

    return draw
