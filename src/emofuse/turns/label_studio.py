"""Turns from the exports of Label Studio, JSON and JSON-MIN."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from emofuse.errors import CorpusError
from emofuse.turns.turn_parsing import listed

# It writes a few letters before the name of a file that was uploaded.
_UPLOAD = re.compile(r"[0-9a-f]{6,10}-")


def is_label_studio(content: Any) -> bool:
    """Tell whether JSON is a list of tasks with annotated regions."""
    return (
        bool(content)
        and isinstance(content, list)
        and all(
            isinstance(task, dict) and (isinstance(task.get("annotations"), list) or _regions(task))
            for task in content
        )
    )


def find_rows(tasks: Sequence[dict[str, Any]], path: Path, stem: str | None) -> list[dict[str, Any]]:
    """Return the regions of one recording, each with start, end, speaker and text.

    Raises:
        CorpusError: several tasks are there, and none or more than one of them is of this recording.
    """
    fitting = [task for task in tasks if len(tasks) == 1 or stem in _names(task)]
    if len(fitting) != 1:
        names = listed(sorted({name for task in tasks for name in _names(task)}))
        raise CorpusError(f"{path}: holds {len(tasks)} tasks ({names}), {len(fitting)} of them of {stem}")
    (task,) = fitting
    done = [one for one in task.get("annotations") or () if isinstance(one, dict) and not one.get("was_cancelled")]
    return _of_results(done[0].get("result")) if done else _of_minimal(task)


def _names(task: dict[str, Any]) -> set[str]:
    """Return the stems of the files that a task names."""
    values = [*(task["data"].values() if isinstance(task.get("data"), dict) else ()), *task.values()]
    names = {PurePosixPath(value).stem for value in values if isinstance(value, str) and "." in value[-6:]}
    return {_UPLOAD.sub("", name, count=1) if _UPLOAD.match(name) else name for name in names}


def _of_results(results: Any) -> list[dict[str, Any]]:
    """Return the regions of an annotation; the labels and the text of one region share an id."""
    regions: dict[str | int, dict[str, Any]] = {}
    for number, result in enumerate(results if isinstance(results, list) else ()):
        value = result.get("value") if isinstance(result, dict) else None
        if not isinstance(value, dict) or not {"start", "end"} <= value.keys():
            continue
        name = result.get("id")
        named = name if isinstance(name, str) else number
        region = regions.setdefault(named, {"start": value["start"], "end": value["end"]})
        for key, field in (("labels", "speaker"), ("text", "text")):
            if value.get(key):
                region[field] = _joined(value[key])
    return list(regions.values())


def _of_minimal(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the regions of a task of JSON-MIN, whose texts stand in a list of their own."""
    regions = _regions(task)
    texts = [task[key] for key in ("transcription", "text") if task.get(key)]
    found = texts[0] if texts and isinstance(texts[0], list) else texts
    spoken = found if len(found) == len(regions) else [None] * len(regions)
    return [
        {"start": region["start"], "end": region["end"], "speaker": _joined(region.get("labels")), "text": text}
        for region, text in zip(regions, spoken, strict=True)
    ]


def _regions(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the first list of a task that holds regions with labels."""
    for value in task.values():
        if (
            isinstance(value, list)
            and value
            and all(isinstance(one, dict) and {"start", "end", "labels"} <= one.keys() for one in value)
        ):
            return value
    return []


def _joined(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value
