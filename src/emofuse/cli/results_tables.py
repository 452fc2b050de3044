"""What a cross-validation found, for people: systems, baselines, comparisons, warnings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from emofuse.cli.output import print_table, warn_of_skips
from emofuse.types import Skip


def show_results(results: dict[str, Any], out: Path, name: str = "") -> None:
    """Print the table of systems, and what one adds to another, with what speakers say of that."""
    if name:
        typer.echo(f"\n{name}")
    print_table(
        ("system", "WA", "UA", "95 %", "macro-F1", "UA over folds", "ECE"),
        [_row(system, figures) for part in ("baselines", "systems") for system, figures in results[part].items()],
        title=f"{results['corpus']}: {results['n_utterances']} utterances, {results['protocol']}, "
        f"{len(results['folds'])} folds {results['folds_hash']}, {len(results['seeds'])} seeds",
    )
    compared = [_compared(one) for one in results["comparisons"] if one["metric"] == "ua"]
    if compared:
        print_table(
            ("a minus b", "points of UA", "95 %", "p", "p (Holm)", "G", "least p", "found at 80 %"),
            compared,
            title="sign-flip over speakers, of which there are G; the last column: the difference that 80 % of "
            "such experiments would find",
        )
    for note in results["notes"]:
        typer.echo(f"note: {note}")
    typer.echo(f"{results['signature']}\neverything is in {out}")
    warn(results)


def warn(results: dict[str, Any]) -> None:
    """Say on stderr what the audit found and what was skipped."""
    for found in results["audit"]["findings"]:
        accepted = ", accepted" if found["code"] in results["audit"]["accepted"] else ""
        typer.echo(f"{found['severity']}: {found['code']}{accepted}: {found['message']}", err=True)
    warn_of_skips([Skip(**skip) for skip in results["skipped"]])


def _row(name: str, figures: dict[str, Any]) -> tuple[str, ...]:
    ua, interval = figures["ua"], figures["ua"]["ci95"]
    low, high = ua["folds_range"]
    return (
        f"{name} (transductive)" if figures.get("transductive") else name,
        _spread(figures["wa"]),
        _spread(ua),
        "" if interval is None else f"{interval[0]:.3f} - {interval[1]:.3f}",
        _spread(figures["macro_f1"]),
        f"{low:.3f} - {high:.3f}",
        "" if figures["ece"] is None else f"{figures['ece']:.3f}",
    )


def _compared(one: dict[str, Any]) -> tuple[str, ...]:
    interval = one["ci95"]
    return (
        f"{one['a']} - {one['b']}",
        f"{100 * one['difference']:+.1f}",
        "" if interval is None else f"{100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}",
        *("" if one[key] is None else f"{one[key]:.3g}" for key in ("p", "p_adjusted", "groups", "smallest_p")),
        "" if one["detectable_80"] is None else f"{100 * one['detectable_80']:.1f}",
    )


def _spread(values: dict[str, Any]) -> str:
    spread = "" if values["std"] is None else f" ± {values['std']:.3f}"
    return f"{values['mean']:.3f}{spread}"
