"""From a template and plain data to a page: one HTML file that loads nothing and escapes every value."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from emofuse.pages.extra import require_package

TEMPLATES = Path(__file__).parent / "templates"
# What a page may load besides its own style sheet and its own script: kind of file -> where from.
Sources: TypeAlias = Mapping[Literal["media-src", "img-src"], str]
# Inside the page itself, as a data URL.
EMBEDDED = "data:"
# A file that lies beside the page, or in a folder near it.
LINKED = "'self' file:"
# Characters that HTML or UTF-8 cannot hold (control characters, unpaired surrogates, noncharacters), and marks
# that turn the direction of the text behind them: a name could make other text on the page read backwards.
_INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def render_page(
    template: str,
    values: Mapping[str, object],
    style: str = "base.css",
    script: str | None = None,
    sources: Sources | None = None,
) -> str:
    """Render a page with a content security policy: what it names runs and loads, and nothing else does.

    A policy that knows style sheets by their hash refuses `style` attributes. What depends on the data (places,
    colours) is therefore a rule of the style sheet, which is a template too.

    Args:
        template: the name of a file in `templates/`.
        values: the data that the template and the style sheet lay out; every string is escaped.
        style: the name of the page's only style sheet, a file in `templates/`.
        script: the name of the page's only script, a file in `templates/`; without one, no script may run.
        sources: what else the page may load; None for nothing.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    require_package("jinja2", "a page")
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    sheet = displayable(environment.get_template(style).render(values))
    source = None if script is None else (TEMPLATES / script).read_text(encoding="utf-8")
    frame = {
        "style": Markup(sheet),  # a template of ours, rendered with every value escaped
        "script": None if source is None else Markup(source),  # a file of ours
        "policy": _security_policy(sheet, source, sources or {}),
    }
    return displayable(environment.get_template(template).render({**values, **frame}))


def displayable(text: str) -> str:
    r"""Return a text that a page or a figure can hold, with a replacement character for what it cannot.

    >>> displayable("\x00a\u202eb")
    '\ufffda\ufffdb'
    """
    return _INVALID.sub("\N{REPLACEMENT CHARACTER}", text)


def _security_policy(style: str, script: str | None, sources: Sources) -> str:
    """Return the page's content security policy: its own style sheet and script by their hashes."""
    allowed = (
        ("default-src", "'none'"),
        ("style-src", _hash(style)),
        ("script-src", "'none'" if script is None else _hash(script)),
        *sources.items(),
        ("base-uri", "'none'"),
        ("form-action", "'none'"),
    )
    return "; ".join(f"{kind} {source}" for kind, source in allowed)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
