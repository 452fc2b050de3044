"""All commands: exit codes, one line for each error, and real processes."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from command_line import call, process, without_progress
from exports import exported_folder
from tiny import write_recipe

from emofuse import load_recipe, train
from emofuse.__main__ import take_any_name
from emofuse.cli.main import run
from emofuse.types import Corpus

pytestmark = pytest.mark.usefixtures("empty_pictures")


@pytest.fixture(scope="module")
def model(corpus: Corpus, recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    train(load_recipe(recipe), corpus, out)
    return out


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, _, err = result
    assert code == 2
    assert len(err.splitlines()) == 1, err
    assert err.startswith("error: ")
    for word in words:
        assert word in err


def test_bad_input_gets_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], model: Path, recipe: Path, manifest: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.wav").write_text("not sound")
    (tmp_path / "zero.wav").touch()
    (tmp_path / "bad.jsonl").write_text('{"id": "a", "text": "x"}\n{"id": "b", "txt": "y"}\n')
    typo = write_recipe(tmp_path / "typo.yaml", recipe.read_text().replace("epochs", "epoch"))
    (tmp_path / "file").touch()
    hollow = tmp_path / "hollow"
    shutil.copytree(model / "model", hollow)
    (hollow / "model.safetensors").unlink()
    out = tmp_path / "run"
    # An average of all epochs is warned of.
    recipe = write_recipe(tmp_path / "quiet.yaml", recipe.read_text().replace("epochs: 3", "epochs: 4"))

    def says(*arguments: object) -> tuple[int, str, str]:
        return call(capsys, *arguments)

    refused(says("predict", model, tmp_path / "gone.wav"), "gone.wav", "no such file")
    refused(says("predict", model, tmp_path / "empty"), "empty", "has no recordings")
    refused(says("predict", model, tmp_path / "text.wav"), "text.wav", "is not audio")
    refused(says("predict", model, tmp_path / "zero.wav"), "zero.wav", "is empty (0 bytes)")
    refused(says("predict", model, tmp_path / "bad.jsonl"), "bad.jsonl:2", "did you mean 'text'?")
    refused(says("predict", model), "nothing to predict")
    refused(says("predict", model, tmp_path / "text.wav", "--format", "xml"), "--format xml")
    refused(says("predict", model, manifest, "--text", "x"), "--text applies to one recording")
    refused(says("predict", hollow, "--text", "x"), "hollow", "has no weights")
    refused(
        says("predict", tmp_path / "no-model", "--text", "x"), "no-model", "no such model, recording or folder"
    )
    refused(
        says("crossval", typo, "--manifest", manifest, "--out", out), "training.epoch", "did you mean 'epochs'?"
    )
    refused(says("crossval", recipe, "--manifest", tmp_path / "bad.jsonl", "--out", out), "bad.jsonl:2")
    refused(
        says("crossval", recipe, "--manifest", manifest, "--out", tmp_path / "file" / "run"),
        "cannot be written",
    )
    refused(
        says("crossval", recipe, "--manifest", manifest, "--out", out, "--systems", "video"), "audio, text, fusion"
    )
    refused(says("train", recipe, "--manifest", manifest, "--out", out, "--system", "video"), "--system video")
    refused(says("prepare", "iemocop", tmp_path, "--out", out), "no corpus is called 'iemocop'")
    refused(says("prepare", "ravdess", tmp_path / "gone", "--out", out), "no such folder")
    refused(says("prepare", "csv", tmp_path / "gone.csv", "--out", out), "no such file")
    refused(says("prepare", "csv", tmp_path / "gone.csv", "--out", out, "--column", "x"), "field=column")
    refused(says("prepare", "ravdess"), "Missing argument")
    refused(says("predict", model, "x" * 300), "cannot be opened")
    refused(says("prepare", "ravdess", tmp_path, "--out", out, "--labels", "nope"), "no RAVDESS recording")
    bart = "text.config={model_type: bart, vocab_size: 300, d_model: 16, encoder_layers: 1, decoder_layers: 1}"
    for setting, word in (
        ("audio.config.kernel=4", "must be odd"),
        ("audio.config.bins=abc", "cannot be built"),
        ("audio.config.hiden_size=3", "did you mean 'hidden_size'?"),
        ("text.config={model_type: emofuse-log-mel-cnn}", "has no vocabulary"),
        (bart, "is no encoder of text"),
        ("audio.layers=7", "has only its last layer"),
        ("training.gradient_checkpointing=true", "do not offer it"),
        ("labels=2020-13-45", "no label policy is called"),
    ):
        arguments = ("crossval", recipe, "--manifest", manifest, "--out", tmp_path / setting[:9] / word[:4])
        refused(says(*arguments, "--set", setting), word)
    refused(says("predict", "--nonsense"), "--nonsense")
    refused(says("nonsense"), "nonsense")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_folder_that_is_not_writable_is_named(
    capsys: pytest.CaptureFixture[str], recipe: Path, manifest: Path, tmp_path: Path
) -> None:
    tmp_path.chmod(0o500)
    refused(
        call(capsys, "crossval", recipe, "--manifest", manifest, "--out", tmp_path / "run"), "cannot be written"
    )


def test_an_encoder_out_of_reach_is_one_line_with_the_command_that_fetches_it(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    paper = Path(__file__).parents[2] / "recipes" / "paper.yaml"
    options = ("--manifest", manifest, "--out", tmp_path / "run", "--set", "labels=as-is")
    refused(call(capsys, "crossval", paper, *options), "hf download facebook/wav2vec2-base")


def test_crossval_prints_the_table_or_one_json_document(
    capsys: pytest.CaptureFixture[str], recipe: Path, manifest: Path, tmp_path: Path
) -> None:
    brief = ("--set", "training.epochs=1", "--seeds", 2, "--systems", "audio,fusion")
    options = ("--manifest", manifest, "--out", tmp_path / "run", *brief)
    code, out, _ = call(capsys, "crossval", recipe, *options)
    assert code == 0
    assert "fusion - audio" in out
    assert "2 seeds" in out
    code, again, _ = call(capsys, "crossval", recipe, *options, "--resume", "--json")
    assert json.loads(again)["seeds"] == [0, 1]


def test_a_real_process_prints_results_on_stdout_and_errors_on_stderr(wavs: Path) -> None:
    model = exported_folder()  # a process without torch starts in a tenth of the time
    done = process("predict", model, wavs / "low.wav", "--any-sound", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == "low"
    assert without_progress(done.stderr) == ""
    failed = process("predict", model, wavs / "gone.wav")
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert failed.stderr.startswith("error: ")
    assert "Traceback" not in failed.stderr


def test_version_and_help_answer() -> None:
    from emofuse import __version__

    assert process("--version").stdout.strip() == __version__
    assert "crossval" in process("--help").stdout
    assert "crossval" in process().stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_full_disk_is_one_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert run(["--version"]) == 2
        full.write("and what is left fails no more")
    assert capsys.readouterr().err == (
        "error: the output: No space left on device; make room or check permissions, and run it again\n"
    )


def test_a_locale_without_the_letters_of_a_name_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    posix = io.TextIOWrapper(io.BytesIO(), "ascii", "strict")
    monkeypatch.setattr(sys, "stdout", posix)
    take_any_name()
    posix.write("café \udce9")
    posix.flush()
    assert posix.buffer.getvalue() == b"caf\xc3\xa9 \\udce9"  # type: ignore[attr-defined]
