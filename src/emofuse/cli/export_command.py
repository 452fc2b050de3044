"""`emofuse export`: a model folder in, one that needs no torch out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def export(
    model: Annotated[Path, typer.Argument(help="The model folder, or a run folder with a model in it.")],
    out: Annotated[Path, typer.Option("--out", help="The exported folder.")],
    int8: Annotated[bool, typer.Option("--int8", help="Matrix products in 8 bits: smaller and faster.")] = False,
    sample: Annotated[
        Path | None,
        typer.Option("--sample", help="A manifest on whose utterances the graph is compared with torch."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was measured as one JSON document.")] = False,
) -> int:
    """Write a model as an ONNX graph that runs without torch."""
    from emofuse.cli.output import configure_logging, print_json

    configure_logging()
    from emofuse.inference.export import export as export_model

    parity = export_model(model, out, int8=int8, sample=sample)
    if as_json:
        print_json(parity)
        return 0
    for precision, measured in parity.items():
        _show(precision, measured)
    typer.echo(f"exported to {out}: emofuse predict {out} ...")
    return 0


def _show(precision: str, measured: dict[str, Any]) -> None:
    from emofuse.cli.output import print_table

    said = measured["sample"]
    print_table(
        ("label", "utterances", "largest difference of a logit", "of a probability"),
        [
            (label, str(apart["n"]), f"{apart['logit']:.1e}", f"{apart['probability']:.1e}")
            for label, apart in said["labels"].items()
        ],
        f"{precision} beside torch, on {said['n']} utterances: {said['label_agreement']:.1%} the same label",
    )
    shapes = "; ".join(
        f"{one['batch']} x {one['seconds']:g} s, {one['pieces']} pieces: {one['largest']:.1e}"
        for one in measured["shapes"]
    )
    typer.echo(f"on noise of other sizes, largest difference of a logit: {shapes}")
