"""The peak of memory is that of this process, not of the one that started it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from emofuse.peak_memory import peak_memory_mb


def test_a_child_does_not_inherit_the_peak_of_its_parent() -> None:
    """`ru_maxrss` would: Linux carries it over fork and exec."""
    del (large := [np.ones(400 * 2**17)])[0]  # 400 MB, held and released
    assert large == []
    assert peak_memory_mb() > 400
    code = "from emofuse.peak_memory import peak_memory_mb; print(peak_memory_mb())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 5 < float(child.stdout) < 200
