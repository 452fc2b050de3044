"""What strangers wrote comes in by one door each: JSON, YAML, and whatever transformers and the Hub load."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache

from source_tree import package_modules

MODULES = package_modules()
# Module -> the names of it that only these modules of the package may take.
JSON, YAML = "emofuse.untrusted.json_text", "emofuse.untrusted.yaml_text"
WRITES_YAML = {"emofuse.config.loading"}


@cache
def calls(name: str) -> frozenset[str]:
    """Return what a module calls, as written: `json.loads`, `AutoConfig.from_pretrained`, `.load_dataset`."""
    return frozenset(ast.unparse(node.func) for node in MODULES[name].nodes if isinstance(node, ast.Call))


def callers(*names: str) -> set[str]:
    """Return the modules that call something of these names."""
    return {name for name in MODULES if calls(name) & {*names}}


def test_json_is_read_and_written_in_one_module() -> None:
    assert callers("json.loads", "json.load", "loads") == {JSON}
    assert callers("json.dumps", "json.dump", "dumps") == {JSON}


def test_yaml_is_read_in_one_module() -> None:
    reads = {
        f"yaml.{name}" for name in ("load", "safe_load", "load_all", "safe_load_all", "full_load", "unsafe_load")
    }
    assert callers(*reads) == set()
    assert callers("yaml.parse") == {YAML}
    imports: Mapping[str, bool] = {name: "import yaml" in module.text for name, module in MODULES.items()}
    assert {name for name, found in imports.items() if found} == {YAML, *WRITES_YAML}


LOADERS, NETWORK = "emofuse.model.vetting.loaders", "emofuse.model.network"
SNAPSHOTS = "emofuse.hub.snapshots"


def names_called(name: str) -> set[str]:
    """Return the last parts of what a module calls: `from_pretrained` of `AutoModel.from_pretrained`."""
    return {one.rpartition(".")[2] for one in calls(name)}


def calling(*names: str) -> set[str]:
    return {module for module in MODULES if names_called(module) & {*names}}


def test_models_come_in_by_one_door() -> None:
    """Our own network calls the loader that it is derived from, with a folder that was looked through."""
    assert calling("from_pretrained") == {LOADERS, NETWORK, "emofuse.model.checkpoint"}
    assert {one for one in calls("emofuse.model.checkpoint") if "pretrained" in one} == {
        "EmotionModel.from_pretrained",
        "checkpoint.model.save_pretrained",
    }
    assert calling("from_config", "pipeline") == {LOADERS}
    assert calling("snapshot_download") == {SNAPSHOTS}
    assert calling("hf_hub_download", "cached_file", "cached_files", "get_class_from_dynamic_module") == set()
    # Models of CTranslate2, and tables of data sets: forms of their own that hold no code.
    assert calling("download_model", "WhisperModel") == {"emofuse.data.asr_engines"}
    assert calling("load_dataset", "load_from_disk") == {"emofuse.data.corpora.hub_dataset"}


def test_every_loader_is_told_that_no_code_is_run() -> None:
    for node in MODULES[LOADERS].nodes:
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and called.rpartition(".")[2] in (
            "from_pretrained",
            "from_config",
            "pipeline",
        ):
            told = {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert told.get("trust_remote_code") == "False", called


def test_no_pickle_is_opened() -> None:
    opening = {
        "torch.load",
        "pickle.load",
        "pickle.loads",
        "joblib.load",
        "read_pickle",
        "pd.read_pickle",
        "numpy.load",
    }
    assert callers(*opening, "np.load") == set()
    assert {name for name, module in MODULES.items() if "import pickle" in module.text} == set()
    assert {name for name, module in MODULES.items() if "allow_pickle=True" in module.text} == set()
