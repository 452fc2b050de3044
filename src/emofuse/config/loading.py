"""From YAML and overrides to a recipe; every refusal names the key and, for a typo, the nearest one."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from emofuse.config.recipe import Recipe
from emofuse.errors import RecipeError, brief_message
from emofuse.untrusted.bounded_files import read_text
from emofuse.untrusted.yaml_text import MOST_BYTES, parse_yaml

# Levels of a key such as training.modality_dropout.audio; the configuration of an encoder may have a few more.
DEEPEST_KEY = 8
# Of a key or an override in a message.
LONGEST_SHOWN = 80


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and change it by `key=value` overrides, such as `training.epochs=3`.

    Raises:
        RecipeError: the file cannot be read, a key or value is wrong (the message names the key), or it holds
            several variants.
    """
    variants = load_variants(path, overrides)
    if len(variants) > 1:
        raise RecipeError(f"{path}: holds the variants {', '.join(variants)}; emofuse crossval runs them all")
    return next(iter(variants.values()))


def load_variants(path: str | Path, overrides: Sequence[str] = ()) -> dict[str, Recipe]:
    """Read a recipe, or a file of `variants`: names, each with what it changes in the recipe that is its `base`.

    A base is a path beside the file; what a variant changes is written as overrides are, `fusion.kind: late`. A
    plain recipe is the one variant "".

    Raises:
        RecipeError: a file cannot be read, or a key or value is wrong.
    """
    path = Path(path)
    values = _read(path)
    if "variants" not in values:
        return {"": make_recipe(_overridden(values, overrides), str(path))}
    if values.keys() != {"base", "variants"} or not isinstance(values["base"], str):
        raise RecipeError(f"{path}: variants go with a base, a recipe beside the file, and no other key")
    if not isinstance(values["variants"], dict) or not values["variants"]:
        raise RecipeError(f"{path}: variants must be names, each with the keys that it changes")
    base, variants = _read(path.parent / values["base"]), {}
    for name, changes in values["variants"].items():
        if not re.fullmatch(r"[\w-]+", str(name)) or not isinstance(changes or {}, dict):
            raise RecipeError(f"{path}: the variant {name!r} needs a plain name, and the keys that it changes")
        changed = base
        for key, value in (changes or {}).items():
            changed = _changed(changed, str(key), value, f"{path}, {name}: {key}")
        variants[str(name)] = make_recipe(_overridden(changed, overrides), f"{path}, {name}")
    return variants


def _read(path: Path) -> dict[str, Any]:
    try:
        text = read_text(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise RecipeError(f"{path}: no such recipe; see the folder recipes/") from error
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: cannot be read as a recipe ({brief_message(error)})") from error
    try:
        values = parse_yaml(text)
    except ValueError as error:
        raise RecipeError(f"{path}: is not YAML that a recipe needs ({brief_message(error)})") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{path}: is not a recipe; it needs keys such as audio, text, training")
    return values


def _overridden(values: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    changed = dict(values)
    for override in overrides:
        changed = _override(changed, override)
    return changed


def make_recipe(values: Mapping[str, Any], place: str = "recipe") -> Recipe:
    """Validate a mapping as a recipe.

    Raises:
        RecipeError: a key or value is wrong; the message names the key and, for a typo, the nearest one.
    """
    try:
        return Recipe.model_validate(dict(values))
    except ValidationError as error:
        raise RecipeError(f"{place}: {_explain(error)}") from error


def dump_recipe(recipe: Recipe) -> str:
    """Return the resolved recipe as YAML."""
    return yaml.safe_dump(recipe.as_dict(), sort_keys=False, allow_unicode=True)


def _override(values: Mapping[str, Any], override: str) -> dict[str, Any]:
    """Return the values with one `a.b.c=value` set; setting one of encoder and config removes the other."""
    key, sign, text = override.partition("=")
    if not sign or not key:
        raise RecipeError(f"--set {_short(override)}: write it as key=value, such as training.epochs=3")
    try:
        value = parse_yaml(text)
    except ValueError as error:
        raise RecipeError(f"--set {_short(override)}: the value is not YAML ({brief_message(error)})") from error
    return _changed(values, key, value, f"--set {_short(override)}")


def _changed(values: Mapping[str, Any], key: str, value: Any, place: str) -> dict[str, Any]:
    """Return the values with the one of `a.b.c` set."""
    keys = key.split(".")
    if len(keys) > DEEPEST_KEY:
        raise RecipeError(f"{_short(place)}: a key has at most {DEEPEST_KEY} parts, not {len(keys)}")
    return _with(values, keys, value, place)


def _with(values: Mapping[str, Any], keys: Sequence[str], value: Any, place: str) -> dict[str, Any]:
    changed = dict(values)
    first, rest = keys[0], keys[1:]
    if rest:
        inner = changed.get(first) or {}
        if not isinstance(inner, Mapping):
            raise RecipeError(f"{place}: {first!r} holds a value, not further keys")
        changed[first] = _with(inner, rest, value, place)
    else:
        changed[first] = value
    other = {"encoder": "config", "config": "encoder"}.get(first)
    if other and value is not None:
        changed.pop(other, None)
    return changed


def _explain(error: ValidationError) -> str:
    """Turn pydantic's first error into one sentence that names the key."""
    first = error.errors()[0]
    # Pydantic names the alternatives of a value in brackets; a key of the file that has some is the last part.
    keys = [str(part) for part in first["loc"] if not re.search(r"[\[\],]", str(part))]
    if first["type"] == "extra_forbidden":
        keys = [*keys, *(str(part) for part in first["loc"][-1:] if str(part) not in keys[-1:])]
    key = _short(".".join(keys)) or "the recipe"
    if first["type"] == "extra_forbidden":
        valid = _keys_beside(keys)
        near = difflib.get_close_matches(_short(keys[-1]), valid, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"keys here are {', '.join(valid)}"
        return f"unknown key {key!r}; {hint}"
    if first["type"] == "missing":
        return f"the key {key!r} is missing"
    if first["type"] == "value_error":
        return f"{key}: {first['ctx']['error']}"
    message = first["msg"][0].lower() + first["msg"][1:]
    choices = re.findall(r"'([^']+)'", str(first.get("ctx", {}).get("expected", "")))
    near = difflib.get_close_matches(_short(str(first["input"])), choices, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{key}: {message}, not {reprlib.repr(first['input'])}{hint}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SHOWN else line[:LONGEST_SHOWN] + "..."


def _keys_beside(keys: Sequence[str]) -> list[str]:
    model: type[BaseModel] = Recipe
    for key in keys[:-1]:
        kind = model.model_fields[key].annotation if key in model.model_fields else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            break
        model = kind
    return list(model.model_fields)
