"""Classes of the training room are made from numbers, not from a recipe."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import emofuse.training


def test_no_class_keeps_a_recipe() -> None:
    keeping = []
    for module in pkgutil.iter_modules(emofuse.training.__path__, "emofuse.training."):
        loaded = importlib.import_module(module.name)
        for name, found in inspect.getmembers(loaded, inspect.isclass):
            if found.__module__ == module.name:
                types = [str(one.annotation) for one in inspect.signature(found).parameters.values()]
                keeping += [name for one in types if "Recipe" in one]
    assert keeping == []
