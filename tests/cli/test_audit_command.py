"""`emofuse audit` as its users meet it, and what `crossval` does with the findings."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import call
from tiny import write_recipe

from emofuse.data.audit import audit
from emofuse.data.manifest import load_corpus, save_corpus
from emofuse.types import Corpus

pytestmark = pytest.mark.usefixtures("empty_pictures")


@pytest.fixture(autouse=True)
def usual_logging() -> Iterator[None]:
    """Take back what the command line does to the log."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def saved(corpus: Corpus, folder: Path, name: str = "planted.jsonl") -> Path:
    save_corpus(corpus, folder / name)
    return folder / name


@pytest.fixture
def sound(corpus: Corpus, tmp_path: Path) -> Path:
    """Return a manifest in which nothing is wrong."""
    own = (replace(u, text=" ".join(f"{w}{n}" for w in ("we", "saw", "it", "now"))) for n, u in enumerate(corpus))
    return saved(replace(corpus, utterances=tuple(own)), tmp_path, "sound.jsonl")


@pytest.fixture
def broken(corpus: Corpus, tmp_path: Path) -> Path:
    """Return a manifest with a missing recording, and with a text that is its label."""
    first, second, *others = corpus.utterances
    planted = (replace(first, audio=tmp_path / "gone.wav"), replace(second, text="happy"), *others)
    return saved(replace(corpus, utterances=planted), tmp_path)


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, out, err = result
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1, err
    assert err.startswith("error: ")
    for word in words:
        assert word in err


def test_a_sound_corpus_has_nothing_to_find(capsys: pytest.CaptureFixture[str], sound: Path) -> None:
    code, out, err = call(capsys, "audit", sound, "--strict")
    assert (code, err) == (0, "")
    assert out == "sound: 24 utterances, leave-one-session-out\nno findings\n"


def test_findings_are_printed_with_examples_and_a_way_out(
    capsys: pytest.CaptureFixture[str], broken: Path
) -> None:
    code, out, err = call(capsys, "audit", broken)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    place = lines.index("error: missing-audio")
    assert lines[place + 1 : place + 4] == [
        "  1 recordings are not where the manifest says",
        "  s1F_0",
        "  -> check the corpus root, or prepare the manifest again",
    ]
    assert "error: text-is-label" in lines
    (overlap,) = (lines[n + 2] for n, line in enumerate(lines) if line == "warning: text-overlap")
    assert overlap == "  s1F_0, s1F_2, s1F_3, ..."


def test_json_is_the_document_of_the_contract_and_nothing_else(
    capsys: pytest.CaptureFixture[str], broken: Path
) -> None:
    code, out, err = call(capsys, "audit", broken, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert set(document) == {"schema", "protocol", "n_utterances", "findings"}
    for found in document["findings"]:
        assert set(found) == {"code", "severity", "count", "utterances", "message", "remedy"}
        assert found["count"] == len(found["utterances"])
        assert found["severity"] in ("error", "warning", "note")
    assert document == json.loads(json.dumps(audit(load_corpus(broken)).as_dict()))


def test_strict_exits_with_1_on_errors_and_only_on_errors(
    capsys: pytest.CaptureFixture[str], broken: Path, manifest: Path
) -> None:
    assert call(capsys, "audit", broken, "--strict")[0] == 1
    assert call(capsys, "audit", broken, "--strict", "--json")[0] == 1
    code, out, _ = call(capsys, "audit", manifest, "--strict")
    assert code == 0
    assert "warning: text-determines-label" in out


def test_the_protocol_can_be_chosen_and_held_to_its_word(
    capsys: pytest.CaptureFixture[str], manifest: Path
) -> None:
    code, out, _ = call(capsys, "audit", manifest, "--protocol", "speaker-kfold", "--json")
    assert (code, json.loads(out)["protocol"]) == (0, "speaker-kfold")
    refused(
        call(capsys, "audit", manifest, "--text-independent"),
        "text_independent: fold 'session session1' has nothing left to train on",
    )


def test_what_cannot_be_audited_is_one_line(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    refused(
        call(capsys, "audit", manifest, "--protocol", "leave-one-sesion-out"),
        "--protocol leave-one-sesion-out: choose one of leave-one-session-out, leave-one-speaker-out, ",
    )
    refused(call(capsys, "audit", manifest, "--protocol", "predefined"), "needs the splits train and test")
    refused(call(capsys, "audit", manifest, "--labels", "iemocap44"), "did you mean 'iemocap4'?")
    refused(call(capsys, "audit", tmp_path / "gone.jsonl"), "gone.jsonl", "no such manifest")
    (tmp_path / "file").touch()
    refused(call(capsys, "audit", manifest, "--page", tmp_path / "file" / "page.html"), "cannot be written")


def test_the_page_is_written_whole_and_trusts_no_name(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, tmp_path: Path
) -> None:
    hostile = "<script>alert(1)</script>"
    first, *others = corpus.utterances
    planted = replace(
        first, id=hostile, speaker=f"$x^$ {hostile}", audio=tmp_path / f"{hostile}.wav", text="angry"
    )
    path = saved(replace(corpus, utterances=(planted, *others)), tmp_path, "<b>bad.jsonl")
    page = tmp_path / "new folder" / "page.html"
    code, out, _ = call(capsys, "audit", path, "--page", page)
    assert code == 0
    assert out.splitlines()[-1] == f"page written to {page}"
    written = page.read_text()
    assert written.startswith("<!doctype html>")
    assert written.rstrip().endswith("</html>")
    assert "<script" not in written
    assert "<b>" not in written
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in written
    for found in audit(load_corpus(path)).findings:
        assert f"{found.severity}: {found.code}" in written


def test_pseudonyms_are_for_the_page(capsys: pytest.CaptureFixture[str], broken: Path, tmp_path: Path) -> None:
    refused(call(capsys, "audit", broken, "--pseudonyms"), "--pseudonyms applies to the page only; add --page")
    page = tmp_path / "audit.html"
    code, out, _ = call(capsys, "audit", broken, "--page", page, "--pseudonyms")
    assert code == 0
    ids = [utterance.id for utterance in load_corpus(broken)]
    assert ids[0] in out
    assert not [name for name in ids if f">{name}<" in page.read_text()]
    assert ">utterance-" in page.read_text()


def test_json_and_page_go_together(capsys: pytest.CaptureFixture[str], broken: Path, tmp_path: Path) -> None:
    code, out, _ = call(capsys, "audit", broken, "--json", "--page", tmp_path / "page.html")
    assert code == 0
    assert json.loads(out)["n_utterances"] == 24
    assert (tmp_path / "page.html").is_file()


def test_a_label_policy_is_applied_before_labels_are_told_apart(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, tmp_path: Path
) -> None:
    voted = Corpus(tuple(replace(u, votes={str(u.label): 3.0}) for u in corpus))
    words = Corpus(tuple(replace(u, label="frustrated" if u.label == "happy" else u.label) for u in voted))
    path = saved(words, tmp_path)
    code, out, _ = call(capsys, "audit", path, "--labels", "iemocap4", "--json")
    assert code == 0
    assert "label-tie" not in {found["code"] for found in json.loads(out)["findings"]}


def crossval(capsys: pytest.CaptureFixture[str], manifest: Path, *more: object) -> tuple[int, str, str]:
    recipe = write_recipe(manifest.parent / "tiny.yaml")
    out = manifest.parent / "run"
    options = ("--manifest", manifest, "--out", out, "--systems", "text", "--set", "training.epochs=1")
    return call(capsys, "crossval", recipe, *options, *more)


def test_crossval_stops_at_errors_until_each_is_accepted(capsys: pytest.CaptureFixture[str], broken: Path) -> None:
    refused(crossval(capsys, broken), "the audit found missing-audio", "also text-is-label (1)")
    refused(crossval(capsys, broken, "--accept", "missing-audio"), "the audit found text-is-label", "(s1F_1)")
    assert not (broken.parent / "run").exists()
    code, _, err = crossval(capsys, broken, "--accept", "missing-audio", "--accept", "text-is-label")
    assert code == 0
    assert "error: missing-audio, accepted: 1 recordings are not where the manifest says" in err
    assert "error: text-is-label, accepted: " in err
    results = json.loads((broken.parent / "run" / "results.json").read_text())
    assert results["audit"]["accepted"] == ["missing-audio", "text-is-label"]


def test_crossval_refuses_a_code_that_the_audit_does_not_know(
    capsys: pytest.CaptureFixture[str], sound: Path
) -> None:
    refused(
        crossval(capsys, sound, "--accept", "mising-audio"), "--accept mising-audio: is no finding of the audit"
    )
    assert not (sound.parent / "run").exists()


@pytest.mark.parametrize("as_json", [False, True])
def test_crossval_says_its_warnings_on_stderr(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, tmp_path: Path, as_json: bool
) -> None:
    code, out, err = crossval(capsys, saved(corpus, tmp_path), *(["--json"] if as_json else []))
    assert code == 0
    codes = {line.split(": ")[1] for line in err.splitlines() if line.startswith("warning: ")}
    assert codes == {"text-overlap", "text-determines-label"}
    assert "text-overlap:" not in out
    if as_json:
        assert {found["code"] for found in json.loads(out)["audit"]["findings"]} == codes


def test_crossval_of_a_sound_corpus_says_nothing_on_stderr(
    capsys: pytest.CaptureFixture[str], sound: Path
) -> None:
    code, _, err = crossval(capsys, sound)
    assert (code, err) == (0, "")
