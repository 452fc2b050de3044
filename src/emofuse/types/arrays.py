"""The arrays that functions take and return; NumPy is needed by this module alone of the room."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Float32Array: TypeAlias = npt.NDArray[np.float32]
Float64Array: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

# Mono sound: (samples,) float32, full scale at 1.0.
Samples: TypeAlias = Float32Array
