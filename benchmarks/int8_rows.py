"""What it costs that a graph in 8 bits is given one row at a time: clips of equal length, together and one by one.

Only clips of equal length, such as the windows of a recording, would be computed together. Both ways are
timed in turn.

    python benchmarks/int8_rows.py [MODEL] [--threads N] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

import emofuse
from emofuse.box import find_model
from emofuse.data.batching import EQUAL_LENGTH_SECONDS
from emofuse.data.preparation import Batch
from emofuse.inference.onnx_runtime import OnnxRuntime
from emofuse.inference.parity import noise
from emofuse.inference.predictor import Predictor
from emofuse.inference.utterance_stream import WINDOW_UTTERANCES
from emofuse.layout import GRAPH

PIECES = 12


def main() -> None:
    """Print, for each length, how much faster rows would be together, and how far a logit would be off."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="box-open")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    predictor = emofuse.load(options.model, threads=options.threads).predictor
    graph = find_model(options.model) / GRAPH
    together = OnnxRuntime(graph, predictor.runtime.traits, options.threads)
    for seconds in (1.0, 3.0, 5.0, 10.0):
        print(json.dumps(compared(predictor, together, seconds, options.rounds)))


def compared(predictor: Predictor, together: OnnxRuntime, seconds: float, rounds: int) -> dict[str, float]:
    """Time one batch both ways, in turn."""
    rng = np.random.default_rng(0)
    rows = min(WINDOW_UTTERANCES, int(EQUAL_LENGTH_SECONDS / seconds))
    items = [noise(predictor.preparation, seconds, PIECES, rng) for _ in range(rows)]
    batch: Batch = predictor.preparation.collate(items)
    runtimes = (predictor.runtime, together)
    outputs = [runtime(batch).logits for runtime in runtimes]
    taken = np.zeros((rounds, 2))
    for measured in taken:
        for place, runtime in enumerate(runtimes):
            begun = time.perf_counter()
            runtime(batch)
            measured[place] = time.perf_counter() - begun
    one_by_one, at_once = np.median(taken, axis=0)
    return {
        "seconds": seconds,
        "rows": rows,
        "one by one, s": round(float(one_by_one), 4),
        "together, s": round(float(at_once), 4),
        "time, one by one : together": round(float(np.median(taken[:, 0] / taken[:, 1])), 3),
        "logit off, together": round(float(np.abs(outputs[0] - outputs[1]).max()), 4),
    }


if __name__ == "__main__":
    main()
