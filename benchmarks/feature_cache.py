"""The second cross-validation against the first: what a cache of frozen features is worth.

A wav2vec 2.0 encoder of base size with random weights, frozen, over any manifest; the same run twice.

    python benchmarks/feature_cache.py MANIFEST --folder /somewhere/with/4/GB [--protocol speaker-kfold]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

RECIPE = """
protocol: {protocol}
selection: fixed
audio: {{config: {{model_type: wav2vec2}}, tuning: frozen}}
text: {{config: {{model_type: emofuse-word-cnn, vocab_size: 500, hidden_size: 32}}, vocabulary: words}}
fusion: {{width: 64, heads: 4, recurrent: false}}
training: {{epochs: 3, lr: 0.002, batch_seconds: 120, micro_seconds: 120}}
"""


def main() -> None:
    """Run twice and print seconds, forwards and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--protocol", default="speaker-kfold")
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    recipe = options.folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(protocol=options.protocol))
    seconds = []
    for name in ("first", "second"):
        out = options.folder / name
        command = [sys.executable, "-m", "emofuse", "crossval", str(recipe), "--manifest", str(options.manifest),
                   "--out", str(out), "--systems", "audio"]  # fmt: skip
        began = time.monotonic()
        environment = os.environ | {"EMOFUSE_CACHE": str(options.folder / "cache")}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        seconds.append(time.monotonic() - began)
        cost = json.loads((out / "results.json").read_text())["cost"]
        print(json.dumps({"run": name, "wall_s": round(seconds[-1], 1)} | cost), flush=True)
    print(json.dumps({"ratios": {"first / second": round(seconds[0] / seconds[1], 1)}}))


if __name__ == "__main__":
    main()
