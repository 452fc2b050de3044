"""Every source module has a test file of its name, or is shown by another one that is named here."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from source_tree import ROOT, box_tools, package_graph, package_modules

import emofuse

# Test file -> the modules that it shows beside those of its own name. Most of them are parts of one thing, which
# is tested as a whole; the commands are tested as their users call them.
SHOWN_BY = {
    "test_receipt": ("cli.receipt_command",),
    "test_archive": ("cli.predict.saving", "cli.predict.run_summary", "cli.interrupts"),
    "test_inputs": ("cli.predict.folder_walk", "cli.predict.listed_recordings"),
    "test_writing": ("cli.predict.result_files",),
    "test_demo": ("cli.demo_command",),
    "test_transcript_files": ("cli.predict.side_files",),
    "test_service_json": ("turns.service_words", "turns.timed_rows"),
    "test_crossval_command": ("cli.results_tables",),
    "test_evaluate_command": ("inference.evaluate",),
    "test_config": (
        "config.augmentation_recipe",
        "config.encoder_recipe",
        "config.loading",
        "config.recipe",
        "config.value_types",
    ),
    "test_audit_details": (
        "data.audit.audio_checks",
        "data.audit.finding",
        "data.audit.fold_checks",
        "data.audit.speaker_checks",
        "data.audit.text_checks",
    ),
    "test_audformat_database": ("data.corpora.audformat_tables",),
    "test_meld": ("data.corpora.published_tables",),
    "test_hub_dataset": ("data.corpora.packed_audio",),
    "test_ravdess": ("data.corpora.prepared",),
    "test_splits": ("data.protocols", "data.validation_split"),
    "test_transcription": ("data.asr_engines",),
    "test_types": ("errors", "types.corpus", "types.predictions", "types.timeline"),
    "test_metrics": ("types.arrays",),
    "test_results": ("runs.additional_results",),
    "test_crossval": ("experiment.job",),
    "test_training_state": ("experiment.train",),
    "test_benchmark": (
        "inference.bench.bench_utterances",
        "inference.bench.measure",
        "inference.bench.speed_figures",
        "inference.bench.systems",
        "inference.bench.workers",
    ),
    "test_bench_networks": ("inference.bench.peak",),
    "test_explain": (
        "inference.explain.contributions",
        "inference.explain.explained_input",
        "inference.explain.explained_model",
        "inference.explain.explanation",
    ),
    "test_export": ("inference.exported_folder", "inference.graphs"),
    "test_classifiers": ("inference.foreign.classifier_runtime",),
    "test_recognizer": ("inference.predictor", "inference.runtime"),
    "test_text_languages": ("inference.ready",),
    "test_timeline_formats": ("inference.timeline.text_fields",),
    "test_compose": (
        "inference.timeline.options",
        "inference.timeline.turn_predictions",
    ),
    "test_recognizer_streams": ("inference.timeline.whole_recording",),
    "test_embed": ("inference.torch_runtime",),
    "test_voice_cnn": ("model.encoders.masked_layers", "model.encoders.spectral_augmentation"),
    "test_pretrained": ("model.build",),
    "test_full_size": ("model.configuration",),
    "test_checkpoint": ("model.processor",),
    "test_fit": (
        "training.optimizer",
        "training.scoring",
        "training.weight_selection",
    ),
    "test_loader": ("training.audio_cache", "training.input_augmentation"),
    "test_warm_start": ("model.encoders.word_vectors",),
    "test_model_settings": ("model.vetting.loaders", "model.vetting.weight_checks"),
    "test_preparation": ("data.text_preparation",),
    "test_score_command": ("runs.submission_scores", "runs.submitted_files"),
    "test_clips": ("sound.measures",),
    "test_media": ("sound.containers", "sound.soundfiles", "sound.tracks"),
    "test_salvage": ("sound.ogg_pages", "sound.patched_file"),
    "test_functionals": ("sound.contours",),
    "test_turn_json": ("turns.label_studio",),
    "test_cue_files": ("turns.rolling_captions",),
    "test_turn_files": (
        "turns.eaf_tiers",
        "turns.textgrid_tiers",
        "turns.label_tracks",
        "turns.plain_texts",
    ),
}
# The tools that make the box: of those that need hours or whole corpora, what they have made is tested.
TOOLS_SHOWN_BY = {
    "test_embed": ("add_pooled_output",),
    "test_box_text": ("text_corpus", "text_figures", "text_network", "text_recognised", "text_training"),
    "test_voice_text_pairs": ("corpus",),
    "test_shipped_boxes": (
        "box_card",
        "box_packing",
        "ear",
        "fusion",
        "licences",
        "voice",
        "voice_checks",
        "voice_scores",
    ),
}
MODULES = package_modules()
DOUBLES = {path.stem: path for path in (ROOT / "tests" / "doubles").glob("*.py")}
TEST_FILES = {path.stem: path for path in (ROOT / "tests").rglob("test_*.py")}


def without_a_test_file() -> set[str]:
    """Return the modules whose name no test file has; packages' own files and `python -m emofuse` apart.

    Pages and formats, of which there are several, have their room in the name of their test file.
    """
    return {
        name.removeprefix("emofuse.")
        for name, module in MODULES.items()
        if not module.is_package and name != "emofuse.__main__" and not _names(module.path) & set(TEST_FILES)
    }


def _names(path: Path) -> set[str]:
    return {f"test_{path.stem}", f"test_{path.parent.name}_{path.stem}"}


@cache
def imported_by(path: Path) -> set[str]:
    """Return the modules of the package that a test file imports, itself or with the doubles that it takes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module in DOUBLES:
                found |= imported_by(DOUBLES[node.module])
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            if node.module == "emofuse":
                found |= {emofuse._DOOR[alias.name] for alias in node.names if alias.name in emofuse._DOOR}
    return found & set(MODULES)


def reached_from(start: set[str]) -> set[str]:
    """Return all modules that these import, directly or through others."""
    reached, waiting = set(), sorted(start - {"emofuse"})
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += sorted(package_graph()[name] - reached)
    return reached


def test_every_module_has_a_test_file_of_its_name_or_one_that_is_named_here() -> None:
    named = [module for modules in SHOWN_BY.values() for module in modules]
    assert len(named) == len(set(named))
    assert without_a_test_file() - set(named) == set(), "name the test file in SHOWN_BY, or write one"
    assert set(named) - without_a_test_file() == set(), "these are gone, or have a test file of their name by now"


def test_every_tool_of_the_box_has_a_test_file_or_one_that_is_named_here() -> None:
    named = {module for modules in TOOLS_SHOWN_BY.values() for module in modules}
    own = {path.stem for path in (ROOT / "tests" / "tools").glob("test_*.py")}
    without = {name for name in box_tools() if not {f"test_{name}", f"test_box_{name}"} & own}
    assert without == named


def test_a_test_file_that_is_named_here_reaches_what_it_is_to_show() -> None:
    assert {*SHOWN_BY, *TOOLS_SHOWN_BY} <= set(TEST_FILES)
    unreached = {
        name: sorted({f"emofuse.{one}" for one in modules} - reached_from(imported_by(TEST_FILES[name])))
        for name, modules in SHOWN_BY.items()
    }
    assert {name: modules for name, modules in unreached.items() if modules} == {}
