"""`emofuse export`: a model as an ONNX graph that runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emofuse.cli.terminal import echo


def export(
    model: Annotated[Path, typer.Argument(help="A model or run folder, or the name of a model in the box.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the exported model.")],
    int8: Annotated[
        bool, typer.Option("--int8", help="Compute matrix products in 8 bits: smaller and faster.")
    ] = False,
    sample: Annotated[
        Path | None,
        typer.Option("--sample", help="Manifest of utterances on which the graph is compared with torch."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the comparison with torch as one JSON document.")
    ] = False,
) -> int:
    """Export a model to ONNX, to run it without torch."""
    from emofuse.cli.output import configure_logging, print_json

    configure_logging()
    from emofuse.inference.export import export as export_model

    parity = export_model(model, out, int8=int8, sample=sample)
    if as_json:
        print_json(parity)
        return 0
    for precision, measured in parity.items():
        _show(precision, measured)
    echo(f"exported to {out}; use it with: emofuse predict {out} ...")
    return 0


def _show(precision: str, measured: dict[str, Any]) -> None:
    from emofuse.cli.output import counted, print_table

    sample = measured["sample"]
    print_table(
        ("label", "utterances", "max logit difference", "max probability difference"),
        [
            (label, str(one["n"]), f"{one['logit']:.1e}", f"{one['probability']:.1e}")
            for label, one in sample["labels"].items()
        ],
        f"{precision} compared with torch on {counted(sample['n'], 'utterance')}: "
        f"{sample['label_agreement']:.1%} have the same label",
    )
    shapes = "; ".join(
        f"{one['batch']} x {one['seconds']:g} s, {counted(one['pieces'], 'piece')}: {one['largest']:.1e}"
        for one in measured["shapes"]
    )
    echo(f"max logit difference on noise of other sizes: {shapes}")
