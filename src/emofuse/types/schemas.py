"""What the JSON documents of emofuse are, and in which version; `docs/json.md` describes them.

The number of a schema grows where a key goes, or means something else. Keys may be added within a version.
"""

from __future__ import annotations

PREDICTION = "emofuse/prediction/1"
TIMELINE = "emofuse/timeline/1"
# A line of a timeline as JSON Lines.
SEGMENT = "emofuse/segment/1"
EXPLANATION = "emofuse/explanation/1"
EVALUATION = "emofuse/evaluation/1"
RESULTS = "emofuse/results/1"
COMPARISON = "emofuse/comparison/1"
SCORES = "emofuse/scores/1"
AUDIT = "emofuse/audit/1"
BENCH = "emofuse/bench/1"
RECEIPT = "emofuse/receipt/1"
