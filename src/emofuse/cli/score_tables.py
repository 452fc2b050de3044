"""The scores of one system as tables."""

from __future__ import annotations

from typing import Any

from emofuse.cli.terminal import echo

METRIC_NAMES = {"ua": "UA", "wa": "WA", "macro_f1": "macro-F1"}


def show_figures(figures: dict[str, Any], title: str) -> None:
    """Print the scores of one system: overall, then of each label."""
    from emofuse.cli.output import print_table

    echo(title)
    print_table(
        ("metric", "value", "std over seeds", "95 % CI", "mean over folds"),
        [_headline(name, figures[metric]) for metric, name in METRIC_NAMES.items()],
    )
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


def _headline(name: str, values: dict[str, Any]) -> tuple[str, ...]:
    interval = "-" if values["ci95"] is None else " - ".join(f"{end:.3f}" for end in values["ci95"])
    return (name, _share(values["mean"]), _share(values["std"]), interval, _share(values["folds_mean"]))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def show_groups(groups: dict[str, Any]) -> None:
    """Print the scores of each group of utterances, and the largest gap between two groups."""
    from emofuse.cli.output import print_table

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
