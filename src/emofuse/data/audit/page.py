"""The audit as a page: its findings and figures of the corpus in one HTML file, without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emofuse.pages.colours import palette
from emofuse.pages.figures import Drawing, svg_element
from emofuse.pages.templating import render_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A finding names this many utterances.
MOST_UTTERANCES = 200
# A bar chart shows this many rows.
MOST_ROWS = 60
BAR_COLOUR = "#4a6fa5"
HISTOGRAM_BINS = 40
WIDTH_INCHES, LOWEST_INCHES, MARGIN_INCHES, ROW_INCHES = 8.0, 2.4, 0.8, 0.24


@dataclass(frozen=True)
class PageFigure:
    """A figure of the page, as an `<svg>` element."""

    title: str
    svg: str


def audit_page(name: str, document: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Return the page of an audit.

    Args:
        name: of the corpus.
        document: `protocol`, `n_utterances` and `findings`, as `emofuse audit --json` prints them.
        facts: durations in seconds, loudness in dBFS, counts of labels by speaker and by session, entropy of votes
            in bits, and the share of each fold's test part whose text also occurs in training.

    Raises:
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    figures = [*_histograms(facts), *_bar_charts(facts)]
    values = {"name": name, "document": document, "figures": figures, "most_utterances": MOST_UTTERANCES}
    return render_page("audit.html", values)


def _histograms(facts: Mapping[str, Any]) -> list[PageFigure]:
    titled = (
        ("seconds", "Durations", "seconds"),
        ("loudness", "Loudness", "dBFS"),
        ("votes_entropy", "Disagreement of raters", "entropy of the votes (bits)"),
    )
    return [_figure(title, _histogram(facts[key], unit)) for key, title, unit in titled if facts[key]]


def _bar_charts(facts: Mapping[str, Any]) -> list[PageFigure]:
    figures = []
    for key, title, chart in (
        ("labels_by_speaker", "Labels by speaker", _stacked_bars),
        ("labels_by_session", "Labels by session", _stacked_bars),
        ("text_overlap", "Share of each test part whose text also occurs in training", _bars),
    ):
        if not facts[key]:
            continue
        shown = dict(list(facts[key].items())[:MOST_ROWS])
        more = "" if len(shown) == len(facts[key]) else f", the first {MOST_ROWS} of {len(facts[key])}"
        figures.append(_figure(title + more, chart(shown), len(shown)))
    return figures


def _figure(title: str, draw: Drawing, rows: int = 0) -> PageFigure:
    height = max(LOWEST_INCHES, MARGIN_INCHES + ROW_INCHES * rows)
    return PageFigure(title, svg_element(draw, (WIDTH_INCHES, height)))


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
        axes.barh(list(shares), list(shares.values()), color=BAR_COLOUR)
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
            axes.barh(list(counts), width, left=left, label=label, color=colour)
            left = [a + b for a, b in zip(left, width, strict=True)]
        axes.invert_yaxis()
        axes.set_xlabel("utterances")
        axes.legend(fontsize="small", ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))

    return draw
