"""ONNX Runtime as every other module takes it: with its telemetry off, whoever imported it first."""

from __future__ import annotations

from types import ModuleType

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as failures

from emofuse.privacy import telemetry_left_on

__all__ = ["failures", "onnxruntime", "quantization_tools"]

# `import emofuse` has set ORT_DISABLE_TELEMETRY. Where a program imported ONNX Runtime before, that came too late,
# and this is what can still be turned off.
if "ORT_DISABLE_TELEMETRY" not in telemetry_left_on():
    onnxruntime.disable_telemetry_events()


def quantization_tools() -> ModuleType:
    """Return `onnxruntime.quantization`, which needs the package onnx."""
    import onnxruntime.quantization as tools

    module: ModuleType = tools
    return module
