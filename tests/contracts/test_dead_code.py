"""Nothing public stands in the package that only tests use."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator

from source_tree import Module, box_tools, other_scripts, package_modules

import emofuse

# What libraries call by name: of torch.nn.Module, PreTrainedModel and ProcessorMixin, logging.Handler, and of ONNX
# Runtime's reader of calibration data.
CALLED_BY_LIBRARIES = {
    "forward",
    "from_pretrained",
    "save_pretrained",
    "push_to_hub",
    "emit",
    "get_attributes",
    "get_next",
    "readable",
    "readinto",
}
# What users of the Python package call, methods of what the door gives included.
FOR_USERS = set(emofuse.__all__) | {"predict", "predict_many", "predict_timeline", "explain", "embed"}
# Known exceptions, each with its reason; another thing of the same name may hide one.
KNOWN = {"runs.signature.Signature.parse": "reads a line that a command printed, for those who compare figures"}


def public_definitions(module: Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield public functions and classes of a module, and public methods of its classes, by dotted name."""
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                    yield f"{node.name}.{inner.name}", inner


def names_used(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that code reads, those in strings of one word too; an import alone uses nothing."""
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value


def test_everything_public_is_used_by_the_package_or_by_its_users() -> None:
    modules = package_modules()
    every = [*modules.values(), *box_tools().values(), *other_scripts().values()]
    used = Counter(name for module in every for name in names_used(module.nodes))
    unused = []
    for module in modules.values():
        for dotted, node in public_definitions(module):
            name = dotted.rpartition(".")[2]
            if name in FOR_USERS | CALLED_BY_LIBRARIES:
                continue
            within = sum(one == name for one in names_used(ast.walk(node)))  # its own recursion is no use
            if used[name] > within:
                continue
            unused.append(f"{module.name.removeprefix('emofuse.')}.{dotted}")
    assert sorted(set(unused) - set(KNOWN)) == []


def test_what_is_known_to_be_unused_exists() -> None:
    every = {
        f"{name.removeprefix('emofuse.')}.{dotted}"
        for name, m in package_modules().items()
        for dotted, _ in public_definitions(m)
    }
    assert set(KNOWN) <= every
