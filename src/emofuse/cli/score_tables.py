"""How figures of one system, or of one against another, are set on the screen."""

from __future__ import annotations

from typing import Any

import typer

METRIC_NAMES = {"ua": "UA", "wa": "WA", "macro_f1": "macro-F1"}


def show_figures(figures: dict[str, Any], title: str) -> None:
    """Print the figures of one system: the headline, then each label's."""
    from emofuse.cli.output import print_table

    typer.echo(title)
    print_table(
        ("", "value", "std over seeds", "95 % interval", "mean over folds"),
        [
            _headline(name, figures[metric])
            for metric, name in (("ua", "UA"), ("wa", "WA"), ("macro_f1", "macro-F1"))
        ],
    )
    calibration = [f"{name.upper()} {figures[name]:.3f}" for name in ("ece", "nll") if figures[name] is not None]
    if calibration:
        typer.echo(", ".join(calibration))
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
    """Print how each group of utterances fared, and between which two the gap is largest."""
    from emofuse.cli.output import print_table

    for attribute, found in groups.items():
        print_table(
            (attribute, "UA", "WA", "macro-F1", "utterances"),
            [
                (value, *(_share(each[metric]) for metric in METRIC_NAMES), str(each["n"]))
                for value, each in found["values"].items()
            ],
        )
        gap = found["gap"]
        if gap["ua"]:
            typer.echo(f"largest gap in UA: {gap['ua']:.3f}, {gap['highest']} over {gap['lowest']}")
