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
    (tmp_path / "own.css").write_text("p { width: {{ 7 }}%; } /* {{ name[0] }} */\n")
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
        "meta",
        "title",
        "style",
        "body",
        "main",
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


def policy_of(page: str) -> dict[str, str]:
    """Return the page's policy: kind of file -> where it may come from."""
    (policy,) = [one["content"] or "" for tag, one in Reader(page).tags if tag == "meta" and "http-equiv" in one]
    return dict(part.split(" ", 1) for part in policy.split("; "))


@pytest.mark.parametrize(("element", "kind"), [("script", "script-src"), ("style", "style-src")])
def test_the_page_names_its_own_script_and_style_by_their_hashes(folder: Path, element: str, kind: str) -> None:
    page = render_page("own.html", {"name": HOSTILE}, "own.css", "own.js")
    source = page.partition(f"<{element}>")[2].partition(f"</{element}>")[0]
    assert source in ('const words = "<&>";\n', "p { width: 7%; } /* &#34; */\n")
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    assert policy_of(page)[kind] == f"'sha256-{digest}'"


def test_nothing_else_may_be_loaded_unless_it_is_named(folder: Path) -> None:
    page = render_page("own.html", {"name": "a"})
    assert policy_of(page).keys() == {"default-src", "style-src", "script-src", "base-uri", "form-action"}
    assert {policy_of(page)[kind] for kind in ("default-src", "base-uri", "form-action")} == {"'none'"}
    named = render_page("own.html", {"name": "a"}, sources={"media-src": "data:"})
    assert policy_of(named)["media-src"] == "data:"


def test_no_template_has_a_style_or_an_event_of_its_own() -> None:
    for path in TEMPLATES.glob("*.html"):
        assert not re.search(r"\s(style|on\w+)\s*=", path.read_text()), path
        assert path.name == "base.html" or not re.search(r"<(style|script|link)", path.read_text()), path


def test_no_template_switches_escaping_off() -> None:
    for path in [*TEMPLATES.glob("*.html"), *TEMPLATES.glob("*.css")]:
        assert not re.search(r"\bsafe\b|autoescape", path.read_text()), path


def test_every_attribute_is_quoted() -> None:
    for path in TEMPLATES.glob("*.html"):
        assert not re.search(r"=\{\{", path.read_text()), path


def test_without_jinja2_a_page_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"emofuse\[pages\]"):
        render_page("audit.html", {})
