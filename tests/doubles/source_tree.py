"""The source code as the contract tests read it: modules, what they import wherever it stands, functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "emofuse"
BOX_TOOLS = ROOT / "tools" / "box"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file of source code.

    Attributes:
        name: its dotted name, a package's for an `__init__`.
        path: the file.
    """

    name: str
    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Return all that its tree holds, in the order of `ast.walk`."""
        return tuple(ast.walk(self.tree))

    @property
    def is_package(self) -> bool:
        return self.path.stem == "__init__"

    def functions(self) -> Iterator[Function]:
        """Yield every function, methods and functions inside functions included."""
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def imports(self, known: Mapping[str, Module]) -> set[str]:
        """Return which of the known modules are imported anywhere: in functions and under TYPE_CHECKING too."""
        found = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= set(self._imported_from(node, known))
        return found & set(known) - {self.name}

    def _imported_from(self, node: ast.ImportFrom, known: Mapping[str, Module]) -> Iterator[str]:
        package = node.module or ""
        if node.level:
            here = self.name.split(".")
            above = here[: len(here) - node.level + self.is_package]
            package = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            inner = f"{package}.{alias.name}"
            yield inner if inner in known else package


@cache
def package_modules() -> Mapping[str, Module]:
    """Return every module of the package by its name; each is parsed once, whoever asks."""
    return {module.name: module for module in _modules(PACKAGE, PACKAGE.parent)}


@cache
def package_graph() -> Mapping[str, set[str]]:
    """Return what each module of the package imports of the others."""
    return import_graph(package_modules())


@cache
def box_tools() -> Mapping[str, Module]:
    """Return the scripts that make the box; they find each other by bare names."""
    return {module.name: module for module in _modules(BOX_TOOLS, BOX_TOOLS)}


def other_scripts() -> dict[str, Module]:
    """Return what else calls the package: other tools and benchmarks."""
    paths = [*(ROOT / "tools").glob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    return {path.stem: Module(path.stem, path) for path in sorted(paths)}


def import_graph(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """Return what each module imports of the others."""
    return {name: module.imports(modules) for name, module in modules.items()}


def rings(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other in a loop: strongly connected ones (Tarjan 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            place = stack.index(name)
            ring = stack[place:]
            del stack[place:]
            if len(ring) > 1:
                found.append(sorted(ring))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return found


def body_lines(function: Function) -> int:
    """Return how many lines a body has without its docstring."""
    body = function.body
    first = body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        body = body[1:]
    if not body:
        return 0
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def parameters(function: Function) -> list[ast.arg]:
    """Return all parameters, without `self` and `cls`."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
    return [one for place, one in enumerate(every) if place or one.arg not in ("self", "cls")]


def is_typer_command(function: Function) -> bool:
    """Say whether a function is a command: its parameters are declared by Typer."""
    return any("typer." in ast.unparse(one.annotation) for one in parameters(function) if one.annotation)


def _modules(folder: Path, root: Path) -> Iterator[Module]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        yield Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), path)
