"""Pages in a real browser: no console line, no overflow on a phone, and the script runs under its policy."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from explanations import CLIP, explanation
from small_corpus import write_tone
from timelines import long_timeline

from emofuse.data.audit.page import audit_page
from emofuse.inference.explain.page import explanation_page
from emofuse.inference.timeline.envelope import envelope
from emofuse.inference.timeline.page import timeline_page
from emofuse.inference.timeline.player import recording_player

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# A browser takes seconds to start, and is not on every machine.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
# Opens a page in a frame of a given width, and writes down how large it became.
FRAME = """<!doctype html><meta charset="utf-8"><body><pre id="sizes"></pre>
<iframe id="frame" style="width:{width}px;height:844px;border:0" srcdoc="{page}"></iframe>
<script>
document.getElementById("frame").addEventListener("load", (event) => {{
  const page = event.target.contentDocument, whole = page.scrollingElement, sheet = page.getElementById("sheet");
  document.getElementById("sizes").textContent = JSON.stringify({{
    over: whole.scrollWidth - whole.clientWidth, height: whole.scrollHeight,
    sheet: sheet ? sheet.style.width : "", images: Array.from(page.images, (one) => one.naturalWidth),
  }});
}});
</script>"""


def timeline_of_an_hour(folder: Path) -> str:
    audio = write_tone(folder / "talk.wav", 300.0, 1.0, 0)
    return timeline_page(long_timeline(500), envelope([CLIP.samples], 100), recording_player(audio))


def some_audit(folder: Path) -> str:
    finding = {
        "code": "label-tie", "severity": "note", "count": 300,
        "utterances": [f"utterance-{n}" for n in range(300)], "message": "300 ties", "remedy": "see",
    }  # fmt: skip
    facts = {
        "seconds": [1.0, 2.0, 4.0], "loudness": [], "labels_by_speaker": {"Ann": {"sad": 2}},
        "labels_by_session": {}, "votes_entropy": [], "text_overlap": {},
    }  # fmt: skip
    return audit_page("tones", {"protocol": None, "n_utterances": 3, "findings": [finding]}, facts)


PAGES: dict[str, Callable[[Path], str]] = {
    "timeline": timeline_of_an_hour,
    "explanation": lambda folder: explanation_page(explanation(name="a_very_long_name_of_a_file" * 4), CLIP),
    "audit": some_audit,
}


def opened(page: Path, profile: Path) -> tuple[str, list[str]]:
    """Return the document of a page after its script has run, and the lines of the console."""
    command = [
        str(CHROMIUM),
        *QUIET,
        f"--user-data-dir={profile}",
        "--enable-logging=stderr",
        "--dump-dom",
        str(page),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window_and_says_nothing_on_the_console(name: str, width: int, tmp_path: Path) -> None:
    page = html.escape(PAGES[name](tmp_path))
    (tmp_path / "frame.html").write_text(FRAME.format(width=width, page=page), encoding="utf-8")
    document, console = opened(tmp_path / "frame.html", tmp_path / "profile")
    assert console == []
    (found,) = re.findall(r'<pre id="sizes">(.*?)</pre>', document)
    sizes = json.loads(html.unescape(found))
    assert sizes["over"] == 0
    assert sizes["height"] < 8000
    assert all(sizes["images"])
    if name == "timeline":
        assert sizes["sheet"].endswith("px")


def test_a_style_or_a_script_of_somebody_else_does_not_run(tmp_path: Path) -> None:
    """The check above would see it: a page that was tampered with says so on the console."""
    page = explanation_page(explanation(), CLIP).replace("<h1>", '<h1 style="color:red"><script>alert(1)</script>')
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    _, console = opened(tmp_path / "page.html", tmp_path / "profile")
    assert len([line for line in console if "Content Security Policy" in line]) == 2
