"""Results as tables: of a cross-validation (systems, baselines, comparisons, warnings) and of one system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emofuse.cli.output import counted, print_table, warn_of_skips
from emofuse.cli.terminal import echo
from emofuse.types import Skip

METRIC_NAMES = {"ua": "UA", "wa": "WA", "macro_f1": "macro-F1"}


def show_results(results: dict[str, Any], out: Path, name: str = "") -> None:
    """Print the table of systems, and their differences with tests over speakers."""
    if name:
        echo(f"\n{name}")
    print_table(
        ("system", "WA", "UA", "95 % CI", "macro-F1", "UA range over folds", "ECE"),
        [_row(system, figures) for part in ("baselines", "systems") for system, figures in results[part].items()],
        title=f"{results['corpus']}: {counted(results['n_utterances'], 'utterance')}, {results['protocol']}, "
        f"{counted(len(results['folds']), 'fold')} {results['folds_hash']}, "
        f"{counted(len(results['seeds']), 'seed')}",
    )
    comparisons = [_comparison(one) for one in results["comparisons"] if one["metric"] == "ua"]
    if comparisons:
        print_table(
            ("a - b", "UA points", "95 % CI", "p", "p (Holm)", "speakers", "smallest p", "80 % power"),
            comparisons,
            title="percentage points; p: sign-flip test over speakers; smallest p: the smallest possible; "
            "80 % power: the smallest difference detected with it",
        )
    for note in results["notes"]:
        echo(f"note: {note}")
    echo(f"{results['signature']}\nresults written to {out}")
    warn(results)


def warn(results: dict[str, Any]) -> None:
    """Print the findings of the audit and what was skipped on stderr."""
    for finding in results["audit"]["findings"]:
        accepted = ", accepted" if finding["code"] in results["audit"]["accepted"] else ""
        echo(f"{finding['severity']}: {finding['code']}{accepted}: {finding['message']}", err=True)
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


def _comparison(one: dict[str, Any]) -> tuple[str, ...]:
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


def show_figures(figures: dict[str, Any], title: str, missing_as_wrong: dict[str, Any] | None = None) -> None:
    """Print the scores of one system: overall, then of each label.

    Args:
        figures: over what was predicted.
        title: printed first.
        missing_as_wrong: the headlines over all that is tested, missing predictions counted as wrong.
    """
    echo(title)
    columns = ["metric", "value", "std over seeds", "95 % CI", "mean over folds"]
    rows = [_headline(name, figures[metric]) for metric, name in METRIC_NAMES.items()]
    if missing_as_wrong is not None:
        columns += ["missing = wrong", "95 % CI of that"]
        for row, metric in zip(rows, METRIC_NAMES, strict=True):
            row += [_share(missing_as_wrong[metric]["mean"]), _ends(missing_as_wrong[metric])]
    print_table(columns, rows)
    calibration = [f"{name.upper()} {figures[name]:.3f}" for name in ("ece", "nll") if figures[name] is not None]
    if calibration:
        echo(", ".join(calibration))
    print_table(
        ("label", "recall", "precision", "F1", "utterances"),
        [
            (label, *(_share(each[key]) for key in ("recall", "precision", "f1")), str(each["support"]))
            for label, each in figures["per_class"].items()
        ],
    )


def _headline(name: str, values: dict[str, Any]) -> list[str]:
    return [name, _share(values["mean"]), _share(values["std"]), _ends(values), _share(values["folds_mean"])]


def _ends(values: dict[str, Any]) -> str:
    """Return an interval as it is shown."""
    return "-" if values["ci95"] is None else " - ".join(f"{end:.3f}" for end in values["ci95"])


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def show_groups(groups: dict[str, Any]) -> None:
    """Print the scores of each group of utterances, and the largest gap between two groups."""
    for attribute, group in groups.items():
        print_table(
            (attribute, "UA", "WA", "macro-F1", "utterances"),
            [
                (value, *(_share(each[metric]) for metric in METRIC_NAMES), str(each["n"]))
                for value, each in group["values"].items()
            ],
        )
        gap = group["gap"]
        if gap["ua"]:
            echo(f"largest gap in UA: {gap['ua']:.3f}, {gap['highest']} over {gap['lowest']}")
