"""From a template and plain data to a page: one HTML file that loads nothing and escapes every value."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from emofuse.pages.extra import require_package

TEMPLATES = Path(__file__).parent / "templates"
# Characters that HTML or UTF-8 cannot hold: control characters, unpaired surrogates, noncharacters.
_INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def render_page(template: str, values: Mapping[str, object], script: str | None = None) -> str:
    """Render a page.

    Args:
        template: the name of a file in `templates/`.
        values: the data that the template lays out; every string is escaped.
        script: the name of the page's only script, a file in `templates/`; without one, no script may run.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    require_package("jinja2", "a page")
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    source = None if script is None else (TEMPLATES / script).read_text(encoding="utf-8")
    frame = {"script": source, "policy": _security_policy(source)}
    page = environment.get_template(template).render({**values, **frame})
    return _INVALID.sub("\N{REPLACEMENT CHARACTER}", page)


def _security_policy(script: str | None) -> str:
    """Return the page's content security policy: its own script may run, and nothing may be loaded."""
    allowed = "'none'"
    if script is not None:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        allowed = f"'sha256-{digest}'"
    return f"script-src {allowed}; object-src 'none'; connect-src 'none'; base-uri 'none'; form-action 'none'"
