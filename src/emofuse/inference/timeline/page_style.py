"""The looks and the script of a timeline's page: the same for every recording, and without any of its words."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from emofuse.inference.timeline.colours import ink, palette
from emofuse.inference.timeline.text_fields import one_line

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 1.5rem auto; padding: 0 1rem; color: #111;
  background: #fff; }
h1, h2 { line-height: 1.2; } h1 { overflow-wrap: anywhere; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; background: #fff; padding: .5rem; }
.scope { border-left: 6px solid #b34700; background: #fbf3ea; padding: .5rem 1rem; }
.player { position: sticky; top: 0; background: #fff; padding: .5rem 0; z-index: 2; }
audio { width: 100%; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1rem; padding: 0; list-style: none; }
.swatch { display: inline-block; width: 2rem; height: 1rem; margin-right: .4rem; border: 1px solid #555;
  vertical-align: middle; }
.strip { overflow-x: auto; border: 1px solid #bbb; cursor: pointer; }
.sheet { position: relative; width: 100%; min-width: 100%; }
.wave { display: block; width: 100%; height: 5rem; background: #fafafa; }
.who { position: sticky; left: 0; display: inline-block; font-size: .8rem; padding: 0 .3rem; color: #333; }
.track { position: relative; height: 2rem; background: #f1f1f1; }
.clock { position: relative; height: 1.3rem; font-size: .75rem; color: #333; overflow: hidden; }
.clock span { position: absolute; border-left: 1px solid #777; padding-left: .2rem; white-space: nowrap; }
.block { position: absolute; top: 0; bottom: 0; overflow: hidden; white-space: nowrap; font-size: .8rem;
  line-height: 2rem; padding-left: .2rem; box-sizing: border-box; border: 1px solid #fff; }
.withheld { border: 2px dashed #111; }
.passed { background-color: #e2e2e2; color: #111; font-style: italic; }
.now { outline: 3px solid #111; outline-offset: -3px; }
#head { position: absolute; top: 0; bottom: 0; width: 2px; background: #111; pointer-events: none; }
#transcript { padding: 0; list-style: none; }
#transcript li { border-bottom: 1px solid #ddd; }
.seek { display: block; width: 100%; text-align: left; font: inherit; color: inherit; background: none; border: 0;
  padding: .4rem .5rem; cursor: pointer; overflow-wrap: anywhere; }
.seek:hover { background: #f4f4f4; } .seek:focus-visible { outline: 3px solid #0057b8; outline-offset: -3px; }
.seek[aria-current] { background: #fff4c9; border-left: 6px solid #111; }
.tag { border: 1px solid #555; padding: 0 .4rem; margin: 0 .4rem; }
.word { background-color: inherit; padding: 0 .2rem; }
.chances { color: #444; font-size: .85rem; display: block; }
.tables { overflow-x: auto; } table { border-collapse: collapse; }
th, td { border: 1px solid #bbb; padding: .2rem .6rem; text-align: right; } th[scope=row] { text-align: left; }
.p1 { background-image: repeating-linear-gradient(45deg, transparent 0 7px,
  color-mix(in srgb, currentColor 25%, transparent) 7px 9px); }
.p2 { background-image: repeating-linear-gradient(-45deg, transparent 0 7px,
  color-mix(in srgb, currentColor 25%, transparent) 7px 9px); }
.p3 { background-image: repeating-linear-gradient(90deg, transparent 0 7px,
  color-mix(in srgb, currentColor 25%, transparent) 7px 9px); }
.p4 { background-image: repeating-linear-gradient(0deg, transparent 0 6px,
  color-mix(in srgb, currentColor 25%, transparent) 6px 8px); }
.p5 { background-image: radial-gradient(color-mix(in srgb, currentColor 35%, transparent) 1.5px, transparent 2px);
  background-size: 8px 8px; }
"""
# How many patterns there are, the first of them plain.
PATTERNS = 6

SCRIPT = """
"use strict";
const player = document.getElementById("player");
const told = document.getElementById("told");
const sheet = document.getElementById("sheet");
const head = document.getElementById("head");
const zoom = document.getElementById("zoom");
const seconds = Number(sheet.dataset.seconds);
const buttons = Array.from(document.querySelectorAll(".seek"));
const parts = Array.from(document.querySelectorAll("[data-start]"), (element) => ({
  element, start: Number(element.dataset.start), end: Number(element.dataset.end), on: false,
}));

function show(time) {
  head.style.left = (100 * time / seconds) + "%";
  for (const part of parts) {
    const on = time >= part.start && time < part.end;
    if (on === part.on) continue;
    part.on = on;
    if (!part.element.classList.contains("seek")) part.element.classList.toggle("now", on);
    else if (on) part.element.setAttribute("aria-current", "true");
    else part.element.removeAttribute("aria-current");
  }
}

function seek(time) {
  show(time);
  if (!player) return;
  player.currentTime = time;
  player.play().catch((reason) => { told.textContent = "The recording cannot be played: " + reason.message; });
}

for (const button of buttons) button.addEventListener("click", () => seek(Number(button.dataset.start)));

document.getElementById("transcript").addEventListener("keydown", (event) => {
  const place = buttons.indexOf(document.activeElement);
  const goals = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: buttons.length - 1 };
  const goal = buttons[goals[event.key]];
  if (place < 0 || !goal) return;
  event.preventDefault();
  goal.focus();
});

sheet.addEventListener("click", (event) => {
  const block = event.target.closest("[data-start]");
  const box = sheet.getBoundingClientRect();
  seek(block ? Number(block.dataset.start) : seconds * (event.clientX - box.left) / box.width);
});

zoom.addEventListener("input", () => { sheet.style.width = (100 * Number(zoom.value)) + "%"; });
if (player) player.addEventListener("timeupdate", () => show(player.currentTime));
if (player) player.addEventListener("playing", () => { told.textContent = ""; });
"""


@dataclass(frozen=True)
class Paint:
    """How each label looks: a colour, and a pattern for those who do not see it."""

    colours: Mapping[str, str] = field(hash=False)
    patterns: Mapping[str, int] = field(hash=False)

    @classmethod
    def of(cls, labels: Sequence[str]) -> Paint:
        """Return the looks of labels."""
        return cls(palette(labels), {label: place % PATTERNS for place, label in enumerate(labels)})

    def attributes(self, label: str, names: str, place: str = "") -> str:
        """Return class and style of an element that shows a label, with what else its style says."""
        colour = self.colours[label]
        style = f"background-color:{colour};color:{ink(colour)};{place}"
        return f'class="{names} p{self.patterns[label]}" style="{style}"'


def escaped(text: str) -> str:
    """Return anybody's words as they may stand in a page, between tags and in attributes.

    >>> escaped("</script><b>")
    '&lt;/script&gt;&lt;b&gt;'
    """
    return html.escape(one_line(text), quote=True)
