"""A timeline as one page: player, waveform, coloured stretches, transcript and figures, in one file.

Nothing is fetched from elsewhere but a large recording. What users wrote stands in the page as text and nowhere in
its script, and the page names its script by hash, so that no other would run. It needs the core only.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from pathlib import Path
from urllib.parse import quote

from emofuse.errors import AudioError
from emofuse.inference.timeline.envelope import Envelope
from emofuse.inference.timeline.page_parts import legend, strip, summary_section, transcript
from emofuse.inference.timeline.page_style import SCRIPT, STYLE, Paint, escaped
from emofuse.inference.timeline.text_fields import MEDIA_TYPES, facts
from emofuse.inference.timeline.timeline_summary import summarise
from emofuse.types import Timeline

# A recording of more bytes is linked instead of held.
LARGEST = 20 * 2**20
DEMONSTRATION = re.compile(r"\bdemo(nstration)?\b", re.IGNORECASE)
NO_SCOPE = "The model does not say what it is for: test it on recordings of your own before you rely on it."
MEANING = "Labels are a model's guess at how speech sounds; they do not tell what anybody feels."


def timeline_page(
    timeline: Timeline,
    outline: Envelope | None = None,
    audio: Path | None = None,
    folder: Path = Path(),
    limit: int = LARGEST,
) -> str:
    """Return the page of a timeline.

    Args:
        timeline: what is said of the recording.
        outline: of its waveform; None draws none.
        audio: the recording; None leaves the player out.
        folder: where the page will stand, from which a large recording is linked.
        limit: bytes up to which the recording is held in the page.

    Raises:
        AudioError: the recording cannot be read.
    """
    paint = Paint.of(timeline.labels)
    parts = [
        _header(timeline),
        _player(audio, folder, limit),
        legend(timeline, paint),
        strip(timeline, outline, paint),
        transcript(timeline, paint),
        summary_section(summarise(timeline)),
        _notes(timeline),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Timeline of {escaped(timeline.id)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + f"\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _policy() -> str:
    """Return what a browser may run and open: the page's own script, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    return (
        f"script-src 'sha256-{digest}'; object-src 'none'; connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _header(timeline: Timeline) -> str:
    """Return the title and the scope of the model, before anything that it says."""
    scope = timeline.model_scope
    if scope is None:
        words = NO_SCOPE
    elif DEMONSTRATION.search(scope):
        words = f"<strong>{escaped(_sentence(scope))}</strong>"
    else:
        words = f"<strong>Scope of the model:</strong> {escaped(_sentence(scope))}"
    speech = f"{timeline.speech_seconds:.1f} of {timeline.seconds:.1f} seconds were analysed"
    return (
        '<a class="skip" href="#summary">Skip to the summary</a>\n'
        f"<header>\n<h1>Timeline of {escaped(timeline.id)}</h1>\n"
        f'<p class="scope" role="note">{words} {MEANING}</p>\n'
        f"<p>{speech}, in {len(timeline.segments)} segments.</p>\n</header>"
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "."


def _player(audio: Path | None, folder: Path, limit: int) -> str:
    """Return the player, with the recording in it or linked; `told` is where the script speaks."""
    told = '<p id="told" role="status"></p>'
    if audio is None:
        return f'<section aria-label="Player">\n<p>The recording is not part of this page.</p>{told}\n</section>'
    try:
        held = audio.stat().st_size <= limit
        source = _held(audio) if held else _link(audio, folder)
    except OSError as error:
        raise AudioError(f"{audio}: cannot be opened ({error.strerror}), and the page plays it") from error
    said = "" if held else "<p>The recording is a file of its own: keep it where the page expects it.</p>"
    return (
        '<section class="player" aria-label="Player">\n'
        f'<audio id="player" controls preload="metadata" src="{source}"></audio>{said}{told}\n'
        "<noscript><p>Without scripts the player works, and clicking does not.</p></noscript>\n</section>"
    )


def _held(audio: Path) -> str:
    kind = MEDIA_TYPES.get(audio.suffix.lower(), "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(audio.read_bytes()).decode()}"


def _link(audio: Path, folder: Path) -> str:
    relative = Path(os.path.relpath(audio.resolve(), folder.resolve()))
    return quote(os.fsencode(relative.as_posix()))


def _notes(timeline: Timeline) -> str:
    """Return what a reader must know, as the other formats tell it too, and what was not analysed."""
    known = "".join(f"<li>{escaped(line)}</li>" for line in facts(timeline))
    passed = "".join(
        f"<li>{part.start:.1f} to {part.end:.1f} s: {escaped(part.reason)}</li>" for part in timeline.passed
    )
    more = f"<h2>Not analysed</h2>\n<ul>{passed}</ul>\n" if passed else ""
    return f'<section aria-label="Notes">\n{more}<h2>Notes</h2>\n<ul>{known}</ul>\n</section>'
