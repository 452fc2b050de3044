"""The audit's page: whole HTML without scripts that names everything and trusts no name."""

from __future__ import annotations

import base64
import re
import sys
from html.parser import HTMLParser
from typing import Any

import pytest

from emofuse.data.audit.page import MOST_ROWS, MOST_UTTERANCES, audit_page
from emofuse.errors import MissingExtraError
from emofuse.pages.pseudonyms import Pseudonyms

# Elements that have no end tag.
VOID = {"meta", "br", "hr", "img", "link", "input"}
HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(2)>&amp;"\'>'


class Reader(HTMLParser):
    """Collect elements, attributes and text, and refuse what is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def finding(
    code: str = "text-overlap", severity: str = "warning", count: int = 2, **changed: Any
) -> dict[str, Any]:
    return {
        "code": code,
        "severity": severity,
        "count": count,
        "utterances": [f"u{n}" for n in range(count)],
        "message": f"{count} are said again",
        "remedy": "report it",
    } | changed


def document(*findings: dict[str, Any], protocol: str | None = "leave-one-session-out") -> dict[str, Any]:
    return {"protocol": protocol, "n_utterances": 24, "findings": list(findings)}


def facts(**changed: Any) -> dict[str, Any]:
    return {
        "seconds": [1.0, 2.0, 2.5],
        "loudness": [-20.0, -30.0],
        "labels_by_speaker": {"s1": {"happy": 3, "sad": 1}, "s2": {"sad": 2}},
        "labels_by_session": {"1": {"happy": 3, "sad": 3}},
        "votes_entropy": [0.0, 1.0],
        "text_overlap": {"session 1": 0.25, "session 2": 0.0},
    } | changed


NOTHING = {key: type(value)() for key, value in facts().items()}


def test_the_page_is_whole_and_names_every_finding() -> None:
    found = [
        finding(),
        finding("silent-audio", "warning", 3),
        finding("missing-audio", "error", message="gone away", remedy="find it"),
        finding("label-tie", "note"),
    ]
    page = read(audit_page("tones", document(*found), facts()))
    text = " ".join("".join(page.text).split())
    for each in found:
        assert f"{each['severity']}: {each['code']}" in text
        assert f"{each['message']}." in text
        assert f"What to do: {each['remedy']}." in text
        assert ", ".join(each["utterances"]) in text
    assert "Audit of tones" in text
    assert "24 utterances, leave-one-session-out. 4 findings." in text
    assert page.tags.count("article") == 4
    assert page.tags.count("img") == page.tags.count("figure") == 6
    for word in ("Durations", "Loudness", "Labels by speaker", "s2", "happy", "session 2", "dBFS"):
        assert word in text or any(word in (value or "") for _, value in page.attributes)


@pytest.fixture(scope="module")
def usual() -> str:
    return audit_page("tones", document(finding()), facts())


def test_the_page_loads_nothing_and_runs_nothing(usual: str) -> None:
    page = read(usual)
    assert not {"script", "iframe", "object", "embed", "link", "form"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("src", "href", "xlink:href"):
            assert (value or "").startswith("data:image/svg+xml;base64,")
    assert "@import" not in "".join(page.text)
    assert not re.search(r"url\((?!#)", usual)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "name",
    [
        HOSTILE,
        "$x^$ \\frac{$",
        "--><b>",
        "]]>",
        "\u6f14\u5458\u4e00 \u0639\u0631\u0628\u064a",
        "{{ 7 * 7 }}",
        "%s",
    ],
)
def test_no_name_is_trusted(name: str, usual: str) -> None:
    hostile = finding(name, message=name, remedy=name, utterances=[name, "u1"])
    drawn = NOTHING | {"labels_by_speaker": {name: {name: 1, "sad": 2}}, "text_overlap": {name: 0.5}}
    found = audit_page(name, document(hostile, protocol=name), drawn)
    page, plain = read(found), read(usual)
    assert set(page.tags) <= set(plain.tags)
    assert {key for key, _ in page.attributes} <= {key for key, _ in plain.attributes}
    assert f"Audit of {name}" in "".join(page.text)
    assert f"{name}, u1" in "".join(page.text)
    assert "49" not in "".join(page.text[:10])


def test_a_corpus_without_anything_has_a_page() -> None:
    page = read(audit_page("", document(protocol=None), NOTHING))
    assert "no protocol" in " ".join(page.text)
    assert "0 findings" in " ".join(page.text)
    assert "img" not in page.tags


def test_long_lists_are_cut_and_say_so() -> None:
    speakers = {f"s{n:03}": {"sad": 1} for n in range(MOST_ROWS + 5)}
    overlap = {f"speaker s{n:03}": 0.5 for n in range(MOST_ROWS + 5)}
    many = finding(count=MOST_UTTERANCES + 7)
    found = audit_page("many", document(many), NOTHING | {"labels_by_speaker": speakers, "text_overlap": overlap})
    text = " ".join("".join(read(found).text).split())
    assert f"u{MOST_UTTERANCES - 1} and 7 more" in text
    assert f"u{MOST_UTTERANCES}" not in text
    assert f"Labels by speaker, the first {MOST_ROWS} of {MOST_ROWS + 5}" in text
    assert f"also occurs in training, the first {MOST_ROWS} of {MOST_ROWS + 5}" in text


def test_the_same_audit_gives_the_same_words_on_the_page(usual: str) -> None:
    again = audit_page("tones", document(finding()), facts())
    assert "".join(read(again).text) == "".join(read(usual).text)


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_missing_package_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r'pip install "emofuse\[pages\]"'):
        audit_page("tones", document(finding()), facts())


def test_under_pseudonyms_nobody_is_named() -> None:
    pseudonyms = Pseudonyms(bytes(32))
    message = "2 speakers stand in two parts of a fold, such as Ann in fold 'session Rome'"
    one = finding("speaker-overlap", "error", utterances=["ann-1", "ann-2"], message=message)
    drawn = NOTHING | {
        "labels_by_speaker": {"Ann": {"sad": 2}},
        "labels_by_session": {"Rome": {"sad": 2}},
        "text_overlap": {"session Rome": 0.5},
    }
    page = audit_page("ann-corpus", document(one), drawn, pseudonyms)
    images = re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", page)
    everything = page + "".join(base64.b64decode(image).decode() for image in images)
    for name in ("Ann", "ann-1", "ann-corpus", "Rome"):
        assert name not in everything
    assert pseudonyms.of("speaker", "Ann") in everything
    assert pseudonyms.of("utterance", "ann-1") in page
    assert "2 speakers stand in two parts of a fold." in page
