"""The audit as a page: its findings, and the plots that people look for, in one file without scripts."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from emofuse.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Audit of {{ name }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #111; }
.error { border-left: 6px solid #b3261e; } .warning { border-left: 6px solid #c77700; }
.note { border-left: 6px solid #4a6fa5; }
article { padding: .1rem 1rem; margin: 1rem 0; background: #f6f6f4; }
code { overflow-wrap: anywhere; } figure { margin: 2rem 0; } svg { max-width: 100%; height: auto; }
</style>
</head>
<body>
<h1>Audit of {{ name }}</h1>
<p>{{ document.n_utterances }} utterances, {{ document.protocol or "no protocol" }}.
{{ document.findings | length }} findings.</p>
{% for found in document.findings %}
<article class="{{ found.severity }}">
<h2>{{ found.severity }}: {{ found.code }}</h2>
<p>{{ found.message }}.</p>
<p>What to do: {{ found.remedy }}.</p>
<details><summary>{{ found.count }} utterances</summary>
<p><code>{{ found.utterances[:named] | join(", ") }}</code>
{% if found.count > named %}and {{ found.count - named }} more{% endif %}</p></details>
</article>
{% endfor %}
{% for title, picture in pictures %}
<figure><figcaption>{{ title }}</figcaption>{{ picture | safe }}</figure>
{% endfor %}
</body>
</html>
"""
# How many utterances of a finding are named.
NAMED = 200
# How many rows of a table are drawn.
ROWS = 60

Drawing: TypeAlias = Callable[["Axes"], None]


def audit_page(name: str, document: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Return the page of an audit.

    Args:
        name: of the corpus.
        document: `protocol`, `n_utterances` and `findings`, as `emofuse audit --json` prints them.
        facts: durations in seconds, loudness in dBFS, counts of labels by speaker and by session, entropy of votes
            in bits, and the share of each fold's test part that is said in training too.

    Raises:
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("train", "the audit's page") from error
    pictures = [(title, _picture(draw, rows)) for title, draw, rows in _drawings(facts)]
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(TEMPLATE)
    return page.render(name=name, document=document, pictures=pictures, named=NAMED)


def _drawings(facts: Mapping[str, Any]) -> list[tuple[str, Drawing, int]]:
    """Return what there is to draw: a title, what draws it, and how many rows it has."""
    drawings: list[tuple[str, Drawing, int]] = []
    for key, title, unit in (
        ("seconds", "Durations", "seconds"),
        ("loudness", "Loudness", "dBFS"),
        ("votes_entropy", "Disagreement of raters", "entropy of the votes, bits"),
    ):
        if facts[key]:
            drawings.append((title, _histogram(facts[key], unit), 0))
    for key, title, draw in (
        ("labels_by_speaker", "Labels by speaker", _stacked),
        ("labels_by_session", "Labels by session", _stacked),
        ("text_overlap", "Share of each test part that is said in training too", _bars),
    ):
        if facts[key]:
            shown = dict(list(facts[key].items())[:ROWS])
            more = "" if len(shown) == len(facts[key]) else f", the first {ROWS} of {len(facts[key])}"
            drawings.append((title + more, draw(shown), len(shown)))
    return drawings


def _picture(draw: Drawing, rows: int) -> str:
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("train", "a picture") from error
    file = io.StringIO()
    # A speaker may be called $x^$, or be written in letters that the reader has and matplotlib has not.
    with rc_context({"text.parse_math": False, "svg.fonttype": "none"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        figure = Figure(figsize=(8, max(2.4, 0.8 + 0.24 * rows)), layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    return text[text.index("<svg") :]


def _histogram(values: Sequence[float], unit: str) -> Drawing:
    def draw(axes: Axes) -> None:
        axes.hist(values, bins=40, color="#4a6fa5")
        axes.set_xlabel(unit)
        axes.set_ylabel("utterances")

    return draw


def _bars(shares: Mapping[str, float]) -> Drawing:
    def draw(axes: Axes) -> None:
        axes.barh(list(shares), list(shares.values()), color="#4a6fa5")
        axes.set_xlim(0.0, 1.0)
        axes.invert_yaxis()

    return draw


def _stacked(counts: Mapping[str, Mapping[str, int]]) -> Drawing:
    labels = sorted({label for row in counts.values() for label in row})

    def draw(axes: Axes) -> None:
        left = [0] * len(counts)
        for label in labels:
            width = [row.get(label, 0) for row in counts.values()]
            axes.barh(list(counts), width, left=left, label=label)
            left = [a + b for a, b in zip(left, width, strict=True)]
        axes.invert_yaxis()
        axes.set_xlabel("utterances")
        axes.legend(fontsize="small", ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))

    return draw
