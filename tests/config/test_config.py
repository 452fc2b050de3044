from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from emofuse.config import (
    Directions,
    PoolingName,
    ProtocolName,
    Recipe,
    dump_recipe,
    load_recipe,
    load_variants,
    make_recipe,
)
from emofuse.data.splits import PROTOCOLS
from emofuse.errors import RecipeError

FIXED = settings(derandomize=True, deadline=None)
RECIPES = Path(__file__).parents[2] / "recipes"
SMALLEST = "audio: {encoder: sound}\ntext: {config: words.json}\n"


def recipe_with(**sections: Any) -> Recipe:
    """Make the smallest recipe, changed by some of its top-level keys."""
    return make_recipe({"audio": {"encoder": "sound"}, "text": {"config": "words.json"}} | sections)


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, *overrides: str, text: str = SMALLEST) -> Recipe:
    return load_recipe(write(folder, text), overrides)


def message(values: dict[str, Any]) -> str:
    """Return what is said of the smallest recipe with these keys changed."""
    with pytest.raises(RecipeError) as caught:
        recipe_with(**values)
    return str(caught.value)


def test_the_protocols_are_the_names_that_a_recipe_may_use() -> None:
    assert tuple(PROTOCOLS) == get_args(ProtocolName)


def test_the_poolings_are_the_names_that_a_recipe_may_use() -> None:
    pytest.importorskip("torch", reason="the network needs the extra train")
    from emofuse.model.pooling import POOLED_WIDTH, POOLINGS

    assert tuple(POOLINGS) == tuple(POOLED_WIDTH) == get_args(PoolingName)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.name)
def test_each_recipe_that_is_shipped_can_be_read(path: Path) -> None:
    assert all(isinstance(recipe, Recipe) for recipe in load_variants(path).values())


def test_a_recipe_needs_only_its_encoders(tmp_path: Path) -> None:
    recipe = load(tmp_path)
    assert (recipe.audio.encoder, recipe.text.config) == ("sound", "words.json")
    assert (recipe.protocol, recipe.selection, recipe.seeds) == ("leave-one-session-out", "best", (0,))


def test_a_recipe_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        recipe_with().protocol = "predefined"  # type: ignore[misc]


def test_a_recipe_written_out_is_read_back_equal(tmp_path: Path) -> None:
    recipe = recipe_with(
        labels={"froh": "happy", "müde": "sad"},
        seeds=[0, 7],
        training={"lr": 3e-5, "modality_dropout": {"text": 0.1}, "patience": 4},
    )
    assert load_recipe(write(tmp_path, dump_recipe(recipe))) == recipe


def test_a_recipe_as_json_is_checked_back_equal() -> None:
    recipe = recipe_with(seeds=[1, 2])
    assert make_recipe(json.loads(json.dumps(recipe.as_dict()))) == recipe


@pytest.mark.parametrize(
    ("written", "expected"),
    [("3e-5", 3e-5), ("1E-3", 1e-3), ("2.5e-4", 2.5e-4), ("3.e-5", 3e-5), ("+1e-2", 0.01), ("1", 1.0)],
)
def test_numbers_mean_what_everybody_means_by_them(tmp_path: Path, written: str, expected: float) -> None:
    assert load(tmp_path, text=f"{SMALLEST}training: {{lr: {written}}}\n").training.lr == expected


@FIXED
@given(st.floats(min_value=1e-30, max_value=10.0))
def test_every_learning_rate_survives_an_override(value: float) -> None:
    assert load_recipe(RECIPES / "small.yaml", [f"training.lr={value!r}"]).training.lr == value


def test_words_that_look_like_numbers_stay_words(tmp_path: Path) -> None:
    assert load(tmp_path, text="audio: {encoder: e5}\ntext: {encoder: 12e3x}\n").text.encoder == "12e3x"


def test_the_yaml_of_others_is_left_as_it_was(tmp_path: Path) -> None:
    load(tmp_path)
    assert yaml.safe_load("3e-5") == "3e-5"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"protokol": "predefined"}, "unknown key 'protokol'; did you mean 'protocol'?"),
        ({"training": {"epoch": 3}}, "unknown key 'training.epoch'; did you mean 'epochs'?"),
        ({"fusion": {"head": 3}}, "unknown key 'fusion.head'; did you mean 'heads'?"),
        (
            {"training": {"modality_dropout": {"audoi": 0.1}}},
            "unknown key 'training.modality_dropout.audoi'; did you mean 'audio'?",
        ),
        ({"audio": {"encoder": "x", "max_second": 3.0}}, "'audio.max_second'; did you mean 'max_seconds'?"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_an_unknown_key_is_refused_with_the_nearest_one(values: dict[str, Any], expected: str) -> None:
    assert expected in message(values)


def test_an_unknown_key_unlike_any_other_is_refused_with_those_that_there_are() -> None:
    assert message({"head": {"zzz": 1}}) == "recipe: unknown key 'head.zzz'; keys here are hidden, dropout, norm"


def test_a_key_of_the_other_modality_is_unknown() -> None:
    assert "unknown key 'text.max_seconds'" in message({"text": {"encoder": "x", "max_seconds": 3.0}})


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"training": {"epochs": "3"}}, "training.epochs"),
        ({"training": {"epochs": 3.0}}, "training.epochs"),
        ({"training": {"epochs": True}}, "training.epochs"),
        ({"training": {"lr": "fast"}}, "training.lr"),
        ({"training": {"class_weights": 1}}, "training.class_weights"),
        ({"training": 3}, "training"),
        ({"audio": None}, "audio"),
        ({"audio": {"encoder": 3}}, "audio.encoder"),
        ({"audio": {"config": 3}}, "audio.config"),
        ({"seeds": 3}, "seeds"),
        ({"seeds": [0, "1"]}, "seeds.1"),
        ({"folds_seed": None}, "folds_seed"),
    ],
    ids=str,
)
def test_a_wrong_type_is_refused_with_its_key(values: dict[str, Any], key: str) -> None:
    assert message(values).startswith(f"recipe: {key}: ")


@pytest.mark.parametrize("labels", [3, {"happy": 1}, ["happy"]], ids=str)
def test_wrong_labels_are_refused_with_the_key_as_it_is_written(labels: Any) -> None:
    assert "str:" not in message({"labels": labels})


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("training", "epochs", 0),
        ("training", "lr", 0.0),
        ("training", "lr", -1e-3),
        ("training", "lr", float("nan")),
        ("training", "warmup", 1.0),
        ("training", "weight_decay", -0.1),
        ("training", "batch_seconds", 0.0),
        ("training", "patience", 0),
        ("training", "label_smoothing", -0.1),
        ("fusion", "width", 1),
        ("fusion", "heads", 0),
        ("head", "hidden", -1),
        ("head", "dropout", 1.0),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_key(section: str, key: str, value: float) -> None:
    assert message({section: {key: value}}).startswith(f"recipe: {section}.{key}: input should be ")


@pytest.mark.parametrize("layers", [-1, 1.5, True, "first", [], [2], [3, 2], [2, 2], [1, "last"]])
def test_layers_are_last_weighted_a_number_or_some_in_order(layers: Any) -> None:
    assert message({"audio": {"encoder": "x", "layers": layers}}).startswith("recipe: audio.layers: ")


@pytest.mark.parametrize("tuning", ["frozen", "cnn-frozen", "full", "lora", "top-1", "top-12"])
def test_each_tuning_is_allowed(tuning: str) -> None:
    assert recipe_with(audio={"encoder": "x", "tuning": tuning}).audio.tuning == tuning


def test_only_the_tuning_policy_lora_puts_adapters_in() -> None:
    with_adapters = recipe_with(audio={"encoder": "x", "tuning": "lora", "lora": {"rank": 4}}).audio
    assert with_adapters.adapter() == {"rank": 4, "alpha": 16.0, "dropout": 0.05}
    assert recipe_with(audio={"encoder": "x", "lora": {"rank": 4}}).audio.adapter() is None


@pytest.mark.parametrize("tuning", ["top-0", "top", "top--1", "top-4 ", "Frozen", ""])
def test_a_tuning_that_is_none_is_refused(tuning: str) -> None:
    assert message({"audio": {"encoder": "x", "tuning": tuning}}).startswith("recipe: audio.tuning: ")


@pytest.mark.parametrize(
    ("values", "meant"),
    [
        ({"protocol": "leave-one-sesion-out"}, "leave-one-session-out"),
        ({"pooling": "statistic"}, "statistics"),
        ({"fusion": {"kind": "crossattention"}}, "cross-attention"),
        ({"audio": {"encoder": "x", "layers": "weightedd"}}, "weighted"),
    ],
    ids=str,
)
def test_a_choice_that_is_misspelt_is_refused_with_the_nearest_one(values: dict[str, Any], meant: str) -> None:
    assert message(values).endswith(f"; did you mean '{meant}'?")


def test_a_missing_encoder_is_refused_by_its_key() -> None:
    with pytest.raises(RecipeError, match="the key 'text' is missing"):
        make_recipe({"audio": {"encoder": "x"}})


@pytest.mark.parametrize("audio", [{}, {"encoder": "x", "config": "y"}], ids=["neither", "both"])
def test_an_encoder_has_one_source(audio: dict[str, str]) -> None:
    assert "audio: give either encoder (a name or folder) or config" in message({"audio": audio})


@pytest.mark.parametrize(("width", "heads"), [(256, 7), (9, 3)], ids=["not a multiple", "odd"])
def test_the_width_is_even_and_a_multiple_of_the_heads(width: int, heads: int) -> None:
    assert "must be even and a multiple of heads" in message({"fusion": {"width": width, "heads": heads}})


def test_both_modalities_are_never_dropped() -> None:
    dropout = {"modality_dropout": {"audio": 0.5, "text": 0.5}}
    assert "audio and text together must stay below 1" in message({"training": dropout})


def test_a_recipe_without_a_seed_is_refused() -> None:
    assert "seeds" in message({"seeds": []})


@pytest.mark.parametrize("values", [{"seeds": [-1]}, {"folds_seed": -1}], ids=str)
def test_a_seed_below_zero_is_refused(values: dict[str, Any]) -> None:
    assert next(iter(values)) in message(values)


def test_a_missing_recipe_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere\.yaml: no such recipe; see the folder recipes/"):
        load_recipe(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"training: [1", "is not YAML"),
        (b"- audio\n", "is not a recipe"),
        (b"", "is not a recipe"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_what_is_no_recipe_is_refused_with_its_path(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=rf"recipe\.yaml: {reason}"):
        load_recipe(path)


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read as a recipe"):
        load_recipe(tmp_path)


def test_a_wrong_key_in_a_file_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"recipe\.yaml: unknown key 'protokol'"):
        load(tmp_path, text=f"{SMALLEST}protokol: predefined\n")


def test_overrides_change_single_keys_in_turn(tmp_path: Path) -> None:
    overrides = ("training.epochs=3", "training.epochs=4", "training.modality_dropout.text=0.2", "seeds=[1, 2]")
    recipe = load(tmp_path, *overrides, text=f"{SMALLEST}training: {{epochs: 2, lr: 2e-3}}\n")
    assert (recipe.training.epochs, recipe.training.lr) == (4, 2e-3)
    assert recipe.training.modality_dropout.text == 0.2
    assert recipe.seeds == (1, 2)


def test_an_override_may_hold_an_equals_sign(tmp_path: Path) -> None:
    assert load(tmp_path, "audio.encoder=a=b").audio.encoder == "a=b"


@pytest.mark.parametrize(
    ("overrides", "encoder", "config"),
    [
        (["audio.config=small.json"], None, "small.json"),
        (["audio.config={hidden_size: 8}"], None, {"hidden_size": 8}),
        (["audio.config.hidden_size=8"], None, {"hidden_size": 8}),
        (["audio.config=small.json", "audio.encoder=sound"], "sound", None),
        (["audio.config=null"], "sound", None),
    ],
    ids=["a file", "a mapping", "a key of it", "and back", "nothing"],
)
def test_of_encoder_and_config_the_new_one_replaces_the_other(
    tmp_path: Path, overrides: Sequence[str], encoder: str | None, config: Any
) -> None:
    audio = load(tmp_path, *overrides).audio
    assert (audio.encoder, audio.config) == (encoder, config)


def test_an_override_of_one_encoder_leaves_the_other(tmp_path: Path) -> None:
    assert load(tmp_path, "audio.config=small.json").text.config == "words.json"


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("training.epochs", "write it as key=value"),
        ("=3", "write it as key=value"),
        ("training.epochs=[1", "the value is not YAML"),
        ("audio.encoder.x=3", "'encoder' holds a value, not further keys"),
    ],
)
def test_an_override_that_is_none_is_refused_by_itself(tmp_path: Path, override: str, reason: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, override)
    assert str(caught.value).startswith(f"--set {override}: {reason}")


def test_an_override_of_an_unknown_key_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"unknown key 'training\.epoch'; did you mean 'epochs'"):
        load(tmp_path, "training.epoch=3")


@pytest.mark.parametrize(
    "limits",
    [[5, 1], [1, 1], [1], [1, 2, 3], "1-5", None, [True, 2], ["1", "5"], [1, float("nan")], [0, float("inf")]],
)
def test_a_dimension_needs_its_lowest_and_highest_value(limits: Any) -> None:
    said = message({"dimensions": {"valence": limits}})
    assert said == "recipe: dimensions.valence: give the lowest and the highest value, such as [1, 5]"


def test_dimensions_keep_their_order_and_survive_being_written(tmp_path: Path) -> None:
    recipe = recipe_with(dimensions={"valence": [1, 5], "arousal": [-1.5, 1.5]}, multi_label=True)
    assert recipe.dimensions == {"valence": (1.0, 5.0), "arousal": (-1.5, 1.5)}
    again = load_recipe(write(tmp_path, dump_recipe(recipe)))
    assert again == recipe
    assert list(again.dimensions) == ["valence", "arousal"]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"multi_label": 1}, "multi_label"),
        ({"multi_label": "yes"}, "multi_label"),
        ({"dimensions": ["valence"]}, "dimensions"),
        ({"calibration": {"accuracy": 0.0}}, "calibration.accuracy"),
        ({"calibration": {"accuracy": 1.1}}, "calibration.accuracy"),
        ({"calibration": {"coverage": 1.0}}, "calibration.coverage"),
        ({"calibration": {"coverage": 0.0}}, "calibration.coverage"),
        ({"training": {"dimension_weight": 0.0}}, "training.dimension_weight"),
    ],
    ids=str,
)
def test_labels_and_confidence_are_checked(values: dict[str, Any], key: str) -> None:
    assert message(values).startswith(f"recipe: {key}: ")


def test_calibration_makes_only_sets_by_default() -> None:
    assert (recipe_with().calibration.accuracy, recipe_with().calibration.coverage) == (None, 0.9)
    assert recipe_with(calibration={"accuracy": 1.0, "coverage": 0.8}).calibration.accuracy == 1.0


def test_which_stream_has_the_queries_is_one_of_three() -> None:
    for asks in get_args(Directions):
        assert recipe_with(fusion={"asks": asks}).fusion.asks == asks
    assert recipe_with().fusion.asks == "both"
    assert message({"fusion": {"asks": "audoi"}}).endswith("did you mean 'audio'?")


def variants(folder: Path, text: str, *overrides: str) -> dict[str, Recipe]:
    """Read variants of the smallest recipe."""
    write(folder, SMALLEST)
    (folder / "variants.yaml").write_text(text, encoding="utf-8")
    return load_variants(folder / "variants.yaml", overrides)


def test_variants_change_single_keys_of_a_base_beside_them(tmp_path: Path) -> None:
    found = variants(
        tmp_path,
        "base: recipe.yaml\n"
        "variants:\n"
        "  whole:\n"
        "  late: {fusion.kind: late}\n"
        "  both: {fusion: {asks: audio, width: 64}, training.lr: 3.0e-5, labels: {happy: gut}}\n"
        "  config: {audio.config: {model_type: wav2vec2, hidden_size: 8}}\n",
        "training.epochs=4",
    )
    base = load(tmp_path, "training.epochs=4")
    assert list(found) == ["whole", "late", "both", "config"]
    assert found["whole"] == base
    assert found["late"] == base.model_copy(update={"fusion": base.fusion.model_copy(update={"kind": "late"})})
    assert (found["both"].fusion.asks, found["both"].fusion.width) == ("audio", 64)
    assert (found["both"].training.lr, found["both"].labels) == (3e-5, {"happy": "gut"})
    assert (found["config"].audio.encoder, found["config"].audio.config) == (
        None,
        {"model_type": "wav2vec2", "hidden_size": 8},
    )


def test_a_plain_recipe_is_the_one_variant_without_a_name(tmp_path: Path) -> None:
    assert load_variants(write(tmp_path, SMALLEST), ["seeds=[3]"]) == {"": load(tmp_path, "seeds=[3]")}


def test_a_file_of_variants_is_no_recipe(tmp_path: Path) -> None:
    variants(tmp_path, "base: recipe.yaml\nvariants: {a: {}, b: {pooling: mean}}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "variants.yaml")
    assert str(caught.value).endswith("holds the variants a, b; emofuse crossval runs them all")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("variants: {a: {}}", "variants go with a base"),
        ("base: 3\nvariants: {a: {}}", "variants go with a base"),
        ("base: recipe.yaml\nvariants: {a: {}}\npooling: mean", "and no other key"),
        ("base: recipe.yaml\nvariants: {}", "variants must be names"),
        ("base: recipe.yaml\nvariants: [a, b]", "variants must be names"),
        ("base: recipe.yaml\nvariants: {../a: {}}", "the variant '../a' needs a plain name"),
        ("base: recipe.yaml\nvariants: {'': {}}", "the variant '' needs a plain name"),
        ("base: recipe.yaml\nvariants: {a: late}", "the variant 'a' needs a plain name, and the keys"),
        ("base: recipe.yaml\nvariants: {a: {poling: mean}}", "variants.yaml, a: unknown key 'poling'"),
        ("base: recipe.yaml\nvariants: {a: {pooling: meen}}", "did you mean 'mean'?"),
        ("base: gone.yaml\nvariants: {a: {}}", "gone.yaml: no such recipe"),
        ("base: variants.yaml\nvariants: {a: {}}", "variants.yaml, a: the key 'audio' is missing"),
    ],
)
def test_variants_that_are_none_are_refused_in_one_sentence(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(RecipeError) as caught:
        variants(tmp_path, text)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_yaml_takes_for_a_date_is_a_word_in_a_variant(tmp_path: Path) -> None:
    found = variants(tmp_path, "base: recipe.yaml\nvariants: {a: {labels: 2020-01-01}}")
    assert found["a"].labels == "2020-01-01"


def test_every_variant_of_the_ablation_is_a_recipe_of_its_own() -> None:
    found = load_variants(RECIPES / "ablation.yaml")
    assert found["whole"] == load_recipe(RECIPES / "light.yaml")
    assert len({dump_recipe(recipe) for recipe in found.values()}) == len(found) >= 10
    assert {found["audio-asks"].fusion.asks, found["text-asks"].fusion.asks} == {"audio", "text"}
    assert {recipe.folds_seed for recipe in found.values()} == {0}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ('training: {lr: !!float ""}', "the tag"),
        ('training: {epochs: !!int ""}', "the tag"),
        ("speaker_norm: !!bool x", "the tag"),
        ("folds_seed: !!timestamp x", "the tag"),
        ("a,b: 1", "unknown key 'a,b'"),
        ("x[0]: 1", r"unknown key 'x\[0\]'"),
        ("head: {'x[0]': 1}", r"unknown key 'head.x\[0\]'"),
        ("2020-01-01: 1", "unknown key '2020-01-01'"),
        ("1: 2", "keys should be strings"),
        ("head: &a {b: *a}", "anchors and aliases"),
        ("head: " + "[" * 1000, "more than 24 levels"),
        ("training: {lr: 1e300}", r"training\.lr: input should be less than or equal to 10"),
        ("training: {lr: .inf}", r"training\.lr: input should be less than or equal to 10"),
        ("training: {lr: .nan}", r"training\.lr: input should be less than or equal to 10"),
        ("training: {epochs: 0xffffffffffffffffff}", "more than 64 bits"),
        ("fusion: {heads: 0}", r"fusion\.heads: input should be greater than or equal to 1"),
        ("fusion: {width: 1000000000}", r"fusion\.width: input should be less than or equal to 65536"),
        ("seeds: [4294967296]", "less than 4294967296"),
        ("dimensions: {valence: [-1e300, 1e300]}", "the lowest and the highest value"),
        ("labels: " + "x" * 70_000, "larger than 65,536 bytes"),
    ],
)
def test_recipes_of_strangers_are_refused_in_one_sentence(tmp_path: Path, lines: str, reason: str) -> None:
    with pytest.raises(RecipeError, match=reason) as caught:
        load(tmp_path, text=f"{SMALLEST}{lines}\n")
    assert len(str(caught.value)) < 600


def test_overrides_of_strangers_are_refused_in_one_sentence(tmp_path: Path) -> None:
    for override in (
        ".".join(["a"] * 5000) + "=1",
        "training.lr=" + "[" * 5000,
        "a" * 5000,
        "audio.config=&a [*a]",
    ):
        with pytest.raises(RecipeError, match="--set ") as caught:
            load(tmp_path, override)
        assert len(str(caught.value)) < 400


def test_a_variant_may_hold_any_value_that_a_recipe_may(tmp_path: Path) -> None:
    write(tmp_path, SMALLEST)
    variants = tmp_path / "variants.yaml"
    variants.write_text("base: recipe.yaml\nvariants: {one: {only: {style: 'a: b'}}, two: {fusion.heads: 4}}\n")
    found = load_variants(variants)
    assert found["one"].only == {"style": "a: b"}
    assert found["two"].fusion.heads == 4
