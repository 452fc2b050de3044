"""What strangers wrote comes in by one door each: JSON, YAML, and whatever transformers and the Hub load."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from source_tree import package_modules

MODULES = package_modules()
# Module -> the names of it that only these modules of the package may take.
JSON, YAML = "emofuse.untrusted.json_text", "emofuse.untrusted.yaml_text"
# Turn files are read with numbers that are none, such as a confidence of NaN, which programs of others write.
READS_JSON = {JSON, "emofuse.turns.turn_json"}
WRITES_YAML = {"emofuse.config.loading"}


def calls(tree: ast.AST) -> Iterator[str]:
    """Yield what is called, as it is written: `json.loads`, `AutoConfig.from_pretrained`, `.load_dataset`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def callers(*names: str) -> set[str]:
    """Return the modules that call something of these names."""
    return {name for name, module in MODULES.items() if {*calls(module.tree)} & {*names}}


def test_json_is_read_and_written_in_one_module() -> None:
    assert callers("json.loads", "json.load", "loads") == READS_JSON
    assert callers("json.dumps", "json.dump", "dumps") == {JSON}


def test_yaml_is_read_in_one_module() -> None:
    reads = {
        f"yaml.{name}" for name in ("load", "safe_load", "load_all", "safe_load_all", "full_load", "unsafe_load")
    }
    assert callers(*reads) == set()
    assert callers("yaml.parse") == {YAML}
    imports: Mapping[str, bool] = {name: "import yaml" in module.text for name, module in MODULES.items()}
    assert {name for name, found in imports.items() if found} == {YAML, *WRITES_YAML}
