"""The command line as its users meet it: what is printed where, and with which exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_corpus import write_tone
from tiny import write_recipe

from emofuse import load_recipe, train
from emofuse.cli.main import run
from emofuse.types import Corpus

pytestmark = pytest.mark.usefixtures("empty_pictures")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("recipe") / "tiny.yaml")


@pytest.fixture(scope="module")
def model(corpus: Corpus, recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    train(load_recipe(recipe), corpus, out)
    return out


@pytest.fixture
def wavs(tmp_path: Path) -> Path:
    for name, hertz in (("low", 200), ("high", 800)):
        write_tone(tmp_path / "wavs" / f"{name}.wav", hertz, 0.5, seed=0)
    return tmp_path / "wavs"


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "emofuse", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"},
    )


def test_predict_prints_a_table_for_people(capsys: pytest.CaptureFixture[str], model: Path, wavs: Path) -> None:
    code, out, _ = call(capsys, "predict", model, wavs / "low.wav", "--text", "a furious thing")
    assert code == 0
    assert out.splitlines()[0].split() == ["label", "confidence", "modalities", "utterance"]
    assert "audio+text" in out
    assert "'a furious thing'" in out


def test_predict_takes_folders_and_files_and_prints_json_lines_in_order(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path
) -> None:
    code, out, _ = call(capsys, "predict", model, wavs, wavs / "low.wav", "--format", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["id"] for row in rows] == ["high", "low", "low#2"]
    assert list(rows[0]) == [
        "id", "audio", "start", "end", "text", "text_source", "text_unused", "label", "probabilities",
        "confidence", "abstained", "speaker", "modalities", "model", "model_scope",
    ]  # fmt: skip


def test_predict_json_is_one_document_and_csv_has_a_column_a_label(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path
) -> None:
    _, out, _ = call(capsys, "predict", model, wavs, "--format", "json")
    assert [row["id"] for row in json.loads(out)] == ["high", "low"]
    _, out, _ = call(capsys, "predict", model, wavs, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert sum(float(rows[0][f"p_{label}"]) for label in ("angry", "happy", "neutral", "sad")) == pytest.approx(
        1, abs=1e-5
    )
    assert rows[0]["modalities"] == "audio"


def test_predict_writes_a_file_into_a_folder(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path, tmp_path: Path
) -> None:
    code, out, _ = call(capsys, "predict", model, wavs, "--format", "csv", "--out", tmp_path / "out")
    assert (code, out) == (0, "")
    assert len((tmp_path / "out" / "predictions.csv").read_text().splitlines()) == 3


def test_predict_reads_text_alone_and_whole_manifests(
    capsys: pytest.CaptureFixture[str], model: Path, manifest: Path
) -> None:
    code, out, _ = call(capsys, "predict", model, "--text", "so lonely", "--format", "jsonl")
    assert code == 0
    assert json.loads(out)["modalities"] == ["text"]
    code, out, _ = call(capsys, "predict", model, manifest, "--format", "jsonl")
    assert code == 0
    assert len(out.splitlines()) == 24


def test_transcripts_are_found_by_file_name(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path, tmp_path: Path
) -> None:
    table = tmp_path / "said.csv"
    table.write_text("file,text\nlow.wav,furious\nhigh,wonderful\n")
    code, out, _ = call(capsys, "predict", model, wavs, "--transcripts", table, "--format", "jsonl")
    assert code == 0
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["wonderful", "furious"]
    table.write_text("file,text\nlow.wav,furious\n")
    code, out, err = call(capsys, "predict", model, wavs, "--transcripts", table, "--format", "jsonl")
    assert json.loads(out.splitlines()[0])["modalities"] == ["audio"]
    assert "no transcript for 1 of 2" in " ".join(err.split())
    table.write_text("file,text\na/low.wav,furious\nb/low.wav,wonderful\n")
    code, _, err = call(capsys, "predict", model, wavs, "--transcripts", table)
    assert code == 2
    assert "several texts for 'low.wav'" in err
    table.write_text("file,text\nother.wav,furious\n")
    code, _, err = call(capsys, "predict", model, wavs, "--transcripts", table)
    assert code == 2
    assert "has transcripts for none of the 2 recordings" in err


def test_ten_bad_files_among_good_ones_are_each_named_and_the_rest_is_done(
    capsys: pytest.CaptureFixture[str], model: Path, wavs: Path
) -> None:
    for number in range(10):
        (wavs / f"bad{number}.wav").write_bytes(b"bad" * number)
    code, out, err = call(capsys, "predict", model, wavs, "--format", "jsonl")
    assert code == 1
    assert len(out.splitlines()) == 2
    assert [line.split(":")[0] for line in err.splitlines()] == [f"failed bad{number}" for number in range(10)]


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
        says("crossval", recipe, "--manifest", manifest, "--out", tmp_path / "file" / "run"), "cannot be written"
    )
    refused(
        says("crossval", recipe, "--manifest", manifest, "--out", out, "--systems", "video"), "audio, text, fusion"
    )
    refused(says("train", recipe, "--manifest", manifest, "--out", out, "--system", "video"), "--system video")
    refused(says("prepare", "iemocop", tmp_path, "--out", out), "no corpus is called 'iemocop'")
    refused(says("prepare", "ravdess", tmp_path / "gone", "--out", out), "no such folder")
    refused(says("prepare", "csv", tmp_path / "gone.csv", "--out", out), "no such table")
    refused(says("prepare", "csv", tmp_path / "gone.csv", "--out", out, "--column", "x"), "field=column")
    refused(says("prepare", "ravdess"), "Missing argument")
    refused(says("predict", model, "x" * 300), "cannot be opened")
    refused(says("prepare", "ravdess", tmp_path, "--out", out, "--labels", "nope"), "no RAVDESS recording")
    for setting, word in (
        ("audio.config.kernel=4", "must be odd"),
        ("audio.config.bins=abc", "cannot be built"),
        ("audio.config.hiden_size=3", "did you mean 'hidden_size'?"),
        ("text.config={model_type: emofuse-log-mel-cnn}", "has no vocabulary"),
        ("text.config={model_type: bart, vocab_size: 300}", "is no encoder of text"),
        ("audio.layers=7", "has only its last layer"),
        ("training.gradient_checkpointing=true", "do not offer it"),
        ("labels=2020-13-45", "is not YAML"),
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


def test_prepare_counts_and_writes_a_manifest(
    capsys: pytest.CaptureFixture[str], wavs: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("path,label,speaker\nwavs/low.wav,calm,a\nwavs/high.wav,happy,b\nwavs/gone.wav,happy,b\n")
    code, out, err = call(capsys, "prepare", "csv", table, "--out", tmp_path / "m.jsonl")
    assert code == 1
    assert "2 utterances" in out
    assert "gone.wav" in err
    code, out, _ = call(
        capsys, "prepare", "csv", table, "--out", tmp_path / "m.jsonl", "--labels", "ekman7", "--json"
    )
    document = json.loads(out)
    assert document["counts"]["label"] == {"happy": 1, "neutral": 1}
    assert len(document["skipped"]) == 1
    assert len((tmp_path / "m.jsonl").read_text().splitlines()) == 2


def test_an_encoder_out_of_reach_is_one_line_with_the_command_that_fetches_it(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    paper = Path(__file__).parents[2] / "recipes" / "paper.yaml"
    options = ("--manifest", manifest, "--out", tmp_path / "run", "--set", "labels=as-is")
    refused(call(capsys, "crossval", paper, *options), "hf download facebook/wav2vec2-base")


def test_prepare_says_when_a_release_is_not_whole(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_tone(tmp_path / "wav" / "03a01Fa.wav", 200, 0.1, seed=0)
    code, _, err = call(capsys, "prepare", "emodb", tmp_path, "--out", tmp_path / "m.jsonl")
    assert code == 0  # what there is was prepared
    assert "incomplete: 1 utterances, where EmoDB was published with 535" in err
    actor = tmp_path / "ravdess" / "Actor_01"
    write_tone(actor / "03-01-05-01-01-01-01.wav", 200, 0.1, seed=0)
    write_tone(actor / "03-02-05-01-01-01-01.wav", 200, 0.1, seed=0)
    code, out, err = call(capsys, "prepare", "ravdess", tmp_path / "ravdess", "--out", tmp_path / "m.jsonl")
    assert code == 0  # a song is no failed input
    assert "1 skipped" in out
    assert "not speech" in err


def test_crossval_prints_the_table_or_one_json_document(
    capsys: pytest.CaptureFixture[str], recipe: Path, manifest: Path, tmp_path: Path
) -> None:
    options = ("--manifest", manifest, "--out", tmp_path / "run", "--set", "training.epochs=1", "--seeds", 2)
    code, out, _ = call(capsys, "crossval", recipe, *options)
    assert code == 0
    assert "fusion - audio" in out
    assert "2 seeds" in out
    code, again, _ = call(capsys, "crossval", recipe, *options, "--resume", "--json")
    assert json.loads(again)["seeds"] == [0, 1]


def test_train_leaves_a_model_that_predicts(
    capsys: pytest.CaptureFixture[str], recipe: Path, manifest: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    options = ("--manifest", manifest, "--out", out, "--system", "text", "--set", "training.epochs=1")
    assert call(capsys, "train", recipe, *options)[0] == 0
    code, printed, _ = call(capsys, "predict", out, "--text", "furious", "--format", "jsonl")
    assert code == 0
    assert json.loads(printed)["model"] == "run"


def test_a_real_process_prints_results_on_stdout_and_errors_on_stderr(model: Path, wavs: Path) -> None:
    done = command("predict", model, wavs / "low.wav", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == "low"
    assert done.stderr == ""
    failed = command("predict", model, wavs / "gone.wav")
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert failed.stderr.startswith("error: ")
    assert "Traceback" not in failed.stderr


def test_training_in_a_real_process_keeps_foreign_progress_bars_away(
    recipe: Path, manifest: Path, tmp_path: Path
) -> None:
    options = ("--manifest", manifest, "--out", tmp_path / "run", "--set", "training.epochs=1", "--system", "text")
    done = command("train", recipe, *options)
    assert done.returncode == 0
    assert done.stderr == ""


def test_version_and_help_answer() -> None:
    from emofuse import __version__

    assert command("--version").stdout.strip() == __version__
    assert "crossval" in command("--help").stdout
    assert "crossval" in command().stdout
