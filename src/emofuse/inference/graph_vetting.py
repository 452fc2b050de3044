"""A graph that a stranger made, looked through before ONNX Runtime opens it.

ONNX Runtime takes operators of any domain, loops, weights that are no numbers, and a shape as large as it stands
there. What exports write needs none of that. The package `onnx` would read the file, but use needs no `onnx`
elsewhere: the few fields of the format (protocol buffers) that matter are read here, without copying weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from emofuse import layout
from emofuse.errors import CheckpointError
from emofuse.untrusted.bounded_files import mapped_file

Field: TypeAlias = "int | memoryview"
# Numbers of fields in onnx.proto.
GRAPH, FUNCTIONS = 7, 25
NODES, WEIGHTS, SPARSE_WEIGHTS = 1, 5, 15
INPUTS, OUTPUTS, OPERATOR, ATTRIBUTES, DOMAIN = 1, 2, 4, 5, 7
ATTRIBUTE_TENSOR, INNER_GRAPH, INNER_GRAPHS, WHOLE_NUMBERS = 5, 6, 11, 8
DIMS, KIND, NAME, RAW, EXTERNAL, LOCATION = 1, 2, 8, 9, 13, 14
KEY, VALUE = 1, 2
# Kinds of numbers that exports have, and the field in which each lies if not in bytes; float16 has none.
KINDS: dict[int, tuple[str, int | None]] = {
    1: ("<f4", 4), 2: ("u1", 5), 3: ("i1", 5), 6: ("<i4", 5), 7: ("<i8", 7), 9: ("?", 5), 10: ("<f2", None),
    11: ("<f8", 10),
}  # fmt: skip
DOMAINS = ("", "ai.onnx")
# Operators that make something larger than what they get, as large as a constant says.
GROWING = ("ConstantOfShape", "Expand", "Tile", "Pad", "Resize", "Range", "OneHot", "EyeLike")
# All of them together, by their constants: numbers.
MOST_GROWN = 2**24
# Constants of more numbers than this are no shapes.
LONGEST_SHAPE = 16
RANDOM = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli")
BLOCK = 2**20


def refuse_unusable_graph(path: Path) -> None:
    """Refuse a graph that no export has written: see the module's docstring.

    Raises:
        CheckpointError: the sentence says what is wrong with it.
    """
    try:
        _look_through(path)
    except OSError as error:
        raise CheckpointError(
            f"{error.filename or path}: cannot be read ({error.strerror}); export or copy the model again"
        ) from error
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}; export or copy the model again") from error


def _look_through(path: Path) -> None:
    model = _fields_by_number(mapped_file(path))
    if FUNCTIONS in model:
        raise ValueError("the graph brings functions of its own, which are not run")
    graphs = model.get(GRAPH, [])
    if len(graphs) != 1:
        raise ValueError("is not a whole graph")
    graph = _fields_by_number(_view(graphs[0]))
    if SPARSE_WEIGHTS in graph:
        raise ValueError("the graph has sparse weights, which are not read")
    shapes: dict[str, int] = {}
    for one in graph.get(WEIGHTS, []):
        tensor = _Tensor.of(_view(one))
        _check_numbers(tensor, path.parent)
        if tensor.kind == 7 and tensor.count <= LONGEST_SHAPE:
            shapes[tensor.name] = _size(tensor.numbers(path.parent).tolist())
    grown = sum(_check_node(_fields_by_number(_view(one)), shapes, path.parent) for one in graph.get(NODES, []))
    if grown > MOST_GROWN:
        raise ValueError(f"the graph makes {grown:,} numbers of a few, more than any export")


@dataclass(frozen=True)
class _Tensor:
    """A constant of a graph: its name, the number of its kind, its shape, and where its numbers are."""

    name: str
    kind: int
    dims: tuple[int, ...]
    fields: dict[int, list[Field]]

    @classmethod
    def of(cls, data: memoryview) -> _Tensor:
        fields = _fields_by_number(data)
        dims = tuple(value for one in fields.get(DIMS, []) for value in _whole_numbers(one))
        name = bytes(_view(fields[NAME][0])).decode("utf-8", "replace")[:80] if NAME in fields else ""
        kind = fields.get(KIND, [0])[0]
        tensor = cls(name, kind if isinstance(kind, int) else 0, dims, fields)
        if tensor.kind not in KINDS:
            raise ValueError(f"the weight {name!r} is of kind {tensor.kind} of ONNX, which exports do not have")
        if any(dim < 0 for dim in dims):
            raise ValueError(f"the weight {name!r} has a negative size")
        return tensor

    @property
    def count(self) -> int:
        return math.prod(self.dims)

    def numbers(self, folder: Path) -> npt.NDArray[np.generic]:
        """Return the numbers, as many as the shape says."""
        form, field = KINDS[self.kind]
        kind = np.dtype(form)
        if EXTERNAL in self.fields or self.fields.get(LOCATION, [0])[0] != 0:
            found = np.frombuffer(self._beside(folder, kind), kind)
        elif RAW in self.fields:
            raw = _view(self.fields[RAW][0])
            found = np.frombuffer(raw[: len(raw) // kind.itemsize * kind.itemsize], kind)
        else:
            found = self._typed(kind, field)
        if len(found) != self.count:
            raise ValueError(f"the weight {self.name!r} has {len(found):,} numbers, and its shape {self.count:,}")
        return found

    def _typed(self, kind: np.dtype[np.generic], field: int | None) -> npt.NDArray[np.generic]:
        parts = self.fields.get(field, []) if field is not None else []
        if kind.kind == "f":
            return np.frombuffer(b"".join(_view(one) for one in parts), kind)
        values = [value for one in parts for value in _whole_numbers(one)]
        return np.array(values, np.int64).astype(kind)

    def _beside(self, folder: Path, kind: np.dtype[np.generic]) -> memoryview:
        """Return the bytes of numbers that stand beside the graph, in the one file that exports write."""
        entries = [_fields_by_number(_view(one)) for one in self.fields.get(EXTERNAL, [])]
        texts = {_text(one, KEY): _text(one, VALUE) for one in entries}
        place = texts.get("location", "")
        if place != layout.GRAPH + ".data":
            raise ValueError(
                f"the weight {self.name!r} stands in {place[:80]!r}, and only {layout.GRAPH}.data beside the "
                "graph is opened"
            )
        whole = mapped_file(folder / place)
        start = int(texts.get("offset", "0"))
        end = start + self.count * kind.itemsize
        if not 0 <= start <= end <= len(whole):
            raise ValueError(f"the weight {self.name!r} lies outside of {place}")
        return whole[start:end]


def _check_numbers(tensor: _Tensor, folder: Path) -> None:
    """Refuse weights that are no numbers; a single infinite one may stand for what a mask leaves out."""
    numbers = tensor.numbers(folder)
    if not np.issubdtype(numbers.dtype, np.floating):
        return
    for start in range(0, len(numbers), BLOCK):
        block = numbers[start : start + BLOCK]
        if not np.isfinite(block).all() and (len(numbers) > 1 or np.isnan(block).any()):
            raise ValueError(f"the weight {tensor.name!r} holds what is no number")


def _check_node(node: dict[int, list[Field]], shapes: dict[str, int], folder: Path) -> int:
    """Refuse an operator that exports do not have; return how many numbers it makes of constants."""
    operator, domain = _text(node, OPERATOR), _text(node, DOMAIN)
    if domain not in DOMAINS:
        raise ValueError(f"the graph has the operator {operator[:40]!r} of {domain[:40]!r}, which is not run")
    if operator in RANDOM:
        raise ValueError(f"the graph draws random numbers ({operator})")
    for attribute in (_fields_by_number(_view(one)) for one in node.get(ATTRIBUTES, [])):
        if INNER_GRAPH in attribute or INNER_GRAPHS in attribute:
            raise ValueError(f"the graph has a graph of its own within ({operator[:40]}), which is not run")
        for one in attribute.get(ATTRIBUTE_TENSOR, []):
            tensor = _Tensor.of(_view(one))
            _check_numbers(tensor, folder)
            if operator == "Constant" and tensor.kind == 7 and tensor.count <= LONGEST_SHAPE:
                shapes[_text(node, OUTPUTS)] = _size(tensor.numbers(folder).tolist())
        if operator == "Constant" and WHOLE_NUMBERS in attribute:
            values = [value for one in attribute[WHOLE_NUMBERS] for value in _whole_numbers(one)]
            shapes[_text(node, OUTPUTS)] = _size(values)
    if operator not in GROWING:
        return 0
    taken = [bytes(_view(one)).decode("utf-8", "replace")[:80] for one in node.get(INPUTS, [])]
    return max((shapes.get(name, 0) for name in taken), default=0)


def _size(shape: Sequence[int]) -> int:
    """Return how many numbers a shape asks for."""
    return math.prod(max(1, abs(size)) for size in shape)


def _fields_by_number(data: memoryview) -> dict[int, list[Field]]:
    fields: dict[int, list[Field]] = {}
    for number, value in _fields(data):
        fields.setdefault(number, []).append(value)
    return fields


def _fields(data: memoryview) -> Iterator[tuple[int, Field]]:
    """Yield the fields of a message: the number of each, and its value."""
    at, whole = 0, len(data)
    while at < whole:
        key = data[at]
        key, at = (key, at + 1) if key < 0x80 else _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            length, at = (data[at], at + 1) if at < whole and data[at] < 0x80 else _varint(data, at)
        else:
            length = {1: 8, 5: 4}.get(kind, whole + 1)
        if not 0 <= length <= whole - at:
            raise ValueError("is not a whole graph")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return a whole number in its form of 1 to 10 bytes, and where the next begins."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            value &= 2**64 - 1
            return value - 2**64 if value >= 2**63 else value, at
    raise ValueError("is not a whole graph")


def _whole_numbers(field: Field) -> Iterator[int]:
    """Yield the whole numbers of a field: one, or many together."""
    if isinstance(field, int):
        yield field
        return
    at = 0
    while at < len(field):
        value, at = _varint(field, at)
        yield value


def _view(field: Field) -> memoryview:
    if isinstance(field, int):
        raise ValueError("is not a whole graph")
    return field


def _text(fields: dict[int, list[Field]], number: int) -> str:
    return bytes(_view(fields[number][0])).decode("utf-8", "replace") if number in fields else ""
