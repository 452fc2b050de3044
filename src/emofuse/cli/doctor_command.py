"""`emofuse doctor`: which packages and models are available."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Annotated, Any

import typer

from emofuse import __version__
from emofuse.errors import MissingExtraError
from emofuse.privacy import telemetry_left_on
from emofuse.seal import locks
from emofuse.threads import usable_processors

# What is installed without any extra.
CORE = "core"


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Show installed packages, models and the device."""
    from emofuse.cli.output import counted, print_json, print_table

    report = examine()
    if as_json:
        print_json(report)
        return 0
    typer.echo(
        f"emofuse {report['emofuse']}, Python {report['python']}, {counted(report['processors'], 'processor')}"
    )
    print_table(
        ("part", "", "packages"),
        [
            (name, "present" if part["usable"] else "absent", _packages(part))
            for name, part in report["parts"].items()
        ],
    )
    typer.echo(f"device: {report['device'] or 'processor (torch is not installed)'}")
    left_on = report["telemetry"]["left_on"]
    typer.echo(f"telemetry: {'on, by ' + ', '.join(left_on) if left_on else 'off'}")
    typer.echo(f"sealed: {'yes, by ' + ' and '.join(report['sealed']) if report['sealed'] else 'no'}")
    print_table(
        ("included model", "licence of its weights", "scope"),
        [(model["name"], model["licence"], model["scope"]) for model in report["boxes"]],
    )
    print_table(
        ("encoder in the Hub cache", "revision", "MB"),
        [(model["name"], model["revision"][:12], f"{model['size_mb']:.0f}") for model in report["cached"]],
    )
    for name, part in report["parts"].items():
        if not part["usable"]:
            typer.echo(_remedy(name))
    return 0


def examine() -> dict[str, Any]:
    """Return what `doctor` prints, as JSON would hold it.

    The first of the included models is the one that commands use by default.
    """
    from emofuse.box import boxes

    left_on = telemetry_left_on()
    return {
        "emofuse": __version__,
        "python": platform.python_version(),
        "processors": usable_processors(),
        "parts": {name: _part(packages) for name, packages in _requirements().items()},
        "device": _device(),
        "telemetry": {"off": not left_on, "left_on": left_on},
        "sealed": list(locks()),
        "offline": os.environ.get("HF_HUB_OFFLINE") == "1",
        "boxes": [{"name": box.name, **box.about()} for box in boxes().values()],
        "cached": _cached(),
    }


def _requirements() -> dict[str, list[str]]:
    """Return the packages of each extra, from our own metadata; those of developers are left out."""
    parts: dict[str, list[str]] = {CORE: []}
    for requirement in requires("emofuse") or []:
        name = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"extra == ['\"](\w+)['\"]", requirement)
        if name is not None and (extra is None or extra[1] != "dev"):
            parts.setdefault(extra[1] if extra else CORE, []).append(name[0])
    return parts


def _part(packages: list[str]) -> dict[str, Any]:
    versions = {package: _version(package) for package in packages}
    return {"usable": all(versions.values()), "packages": versions}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device() -> str | None:
    """Return the device that torch would use; None without torch."""
    try:
        import torch
    except ImportError:
        return None
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, bf16 {'yes' if torch.cuda.is_bf16_supported() else 'no'}"
    return f"processor, {torch.get_num_threads()} threads"


def _cached() -> list[dict[str, Any]]:
    """List the models in the Hub's local cache, each with its newest revision."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return []
    models = []
    for repository in sorted(repositories, key=lambda r: r.repo_id):
        if repository.repo_type == "model" and repository.revisions:
            newest = max(repository.revisions, key=lambda revision: revision.last_modified)
            size = newest.size_on_disk / 2**20
            models.append({"name": repository.repo_id, "revision": newest.commit_hash, "size_mb": round(size, 1)})
    return models


def _remedy(part: str) -> str:
    return "the core is incomplete: pip install emofuse" if part == CORE else str(MissingExtraError(part, part))


def _packages(part: dict[str, Any]) -> str:
    return ", ".join(f"{name} {installed or 'missing'}" for name, installed in part["packages"].items())
