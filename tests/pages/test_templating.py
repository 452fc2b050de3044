"""Pages: every value is escaped, nothing is loaded, and only the page's own script may run."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from emofuse.errors import MissingExtraError
from emofuse.pages import templating
from emofuse.pages.templating import TEMPLATES, render_page

HOSTILE = "\"'></title><script>alert(1)</script>\x00\ud800<img onerror=x>"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("base.html", "base.css"):
        (tmp_path / name).write_text((TEMPLATES / name).read_text())
    (tmp_path / "own.js").write_text('const words = "<&>";\n')
    (tmp_path / "own.html").write_text(
        '{% extends "base.html" %}{% block title %}{{ name }}{% endblock %}'
        '{% block content %}<p title="{{ name }}">{{ name }}</p>{% endblock %}'
    )
    monkeypatch.setattr(templating, "TEMPLATES", tmp_path)
    return tmp_path


class Reader(HTMLParser):
    """Collect tags with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, Mapping[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_a_value_stays_text_between_tags_and_in_attributes(folder: Path) -> None:
    page = render_page("own.html", {"name": HOSTILE})
    page.encode("utf-8")
    reader = Reader(page)
    assert [tag for tag, _ in reader.tags] == [
        "html",
        "head",
        "meta",
        "meta",
        "meta",
        "title",
        "style",
        "body",
        "p",
    ]
    attributes = dict(reader.tags)["p"]
    assert attributes == {"title": HOSTILE.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")}


def test_a_missing_value_is_an_error(folder: Path) -> None:
    with pytest.raises(UndefinedError, match="name"):
        render_page("own.html", {})


def test_without_a_script_no_script_may_run(folder: Path) -> None:
    page = render_page("own.html", {"name": "a"})
    assert "<script" not in page
    assert "script-src &#39;none&#39;;" in page


def test_the_page_names_its_own_script_by_its_hash(folder: Path) -> None:
    page = render_page("own.html", {"name": "a"}, script="own.js")
    source = page.partition("<script>")[2].partition("</script>")[0]
    assert source == 'const words = "<&>";\n'
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    policies = [attributes.get("content") or "" for tag, attributes in Reader(page).tags if tag == "meta"]
    assert any(f"script-src 'sha256-{digest}';" in policy for policy in policies)


def test_only_our_own_script_and_figures_are_not_escaped() -> None:
    unescaped = [
        found
        for path in sorted(TEMPLATES.glob("*.html"))
        for found in re.findall(r"\{\{[^}]*safe[^}]*\}\}", path.read_text())
    ]
    assert unescaped == ["{{ figure.svg | safe }}", "{{ script | safe }}"]


def test_every_attribute_is_quoted() -> None:
    for path in TEMPLATES.glob("*.html"):
        assert not re.search(r"=\{\{", path.read_text()), path


def test_without_jinja2_a_page_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"emofuse\[pages\]"):
        render_page("audit.html", {})
