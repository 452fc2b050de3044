"""`emofuse score`: any system's predictions, checked, scored as scikit-learn would, signed."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import call
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss, recall_score
from small_corpus import LABELS

from emofuse import make_folds, save_corpus
from emofuse.data.splits import corpus_hash, folds_document
from emofuse.runs.signature import Signature, folds_key
from emofuse.types import Corpus

PROTOCOL = "leave-one-session-out"


def score(
    capsys: pytest.CaptureFixture[str], path: Path, manifest: Path, *more: object, protocol: str = PROTOCOL
) -> tuple[int, dict[str, Any], str]:
    code, out, err = call(capsys, "score", path, "--manifest", manifest, "--protocol", protocol, "--json", *more)
    return code, json.loads(out), err


def refused(
    capsys: pytest.CaptureFixture[str],
    path: Path,
    manifest: Path,
    *more: object,
    says: Iterable[str],
    protocol: str = PROTOCOL,
) -> None:
    code, out, err = call(capsys, "score", path, "--manifest", manifest, "--protocol", protocol, *more)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1, err
    for words in says:
        assert words in err


def rows_of(corpus: Corpus, seed: int = 0) -> list[dict[str, str]]:
    """Return predictions with folds and probabilities, some of them wrong."""
    rng = np.random.default_rng(seed)
    rows = []
    for utterance in corpus:
        chances = rng.dirichlet(np.ones(4)) + 0.3 * (np.array(LABELS) == utterance.label)
        chances /= chances.sum()
        rows.append(
            {
                "id": utterance.id,
                "label": LABELS[int(chances.argmax())],
                "fold": str(utterance.session),
                **{f"p_{label}": f"{chance:.6f}" for label, chance in zip(LABELS, chances, strict=True)},
            }
        )
    return rows


def write(path: Path, rows: list[dict[str, str]], delimiter: str = ",") -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def without(rows: list[dict[str, str]], *names: str) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if not key.startswith(names)} for row in rows]


def test_figures_are_those_of_scikit_learn(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    rows = rows_of(corpus)
    code, found, err = score(capsys, write(tmp_path / "p.csv", rows), manifest)
    assert (code, err) == (0, "")
    truth, said = [u.label for u in corpus], [row["label"] for row in rows]
    figures = found["figures"]
    assert figures["wa"]["mean"] == pytest.approx(accuracy_score(truth, said))
    assert figures["ua"]["mean"] == pytest.approx(balanced_accuracy_score(truth, said))
    assert figures["macro_f1"]["mean"] == pytest.approx(f1_score(truth, said, average="macro"))
    chances = np.array([[float(row[f"p_{label}"]) for label in LABELS] for row in rows])
    chances /= chances.sum(axis=1, keepdims=True)
    assert figures["nll"] == pytest.approx(log_loss(truth, chances, labels=list(LABELS)), abs=1e-4)
    assert 0 < figures["wa"]["mean"] < 1
    assert found["warnings"] == found["missing"] == []


def test_one_signature_says_how_the_figures_came_about(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    said = ("--validation", "one speaker", "--selection", "best", "--text-source", "none")
    _, found, _ = score(capsys, write(tmp_path / "p.csv", rows_of(corpus)), manifest, *said)
    signature = Signature.parse(found["signature"])
    assert signature == Signature(
        "tones", "as-is", LABELS, 24, 24, PROTOCOL, folds_key(make_folds(corpus, PROTOCOL)), 1, "one speaker",
        "best", "none", corpus_hash(corpus), agreement="consensus",
    )  # fmt: skip
    code, out, _ = call(capsys, "score", tmp_path / "p.csv", "--manifest", manifest, "--protocol", PROTOCOL, *said)
    assert code == 0
    assert out.splitlines()[-1] == found["signature"]
    assert "macro-F1" in out


def test_labels_that_are_turned_towards_the_predictions_change_the_signature(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    rows = rows_of(corpus)
    said = {row["id"]: row["label"] for row in rows}
    turned = tmp_path / "turned.jsonl"
    save_corpus(Corpus(tuple(replace(u, label=said[u.id]) for u in corpus), name="tones"), turned)
    predictions = write(tmp_path / "p.csv", rows)
    honest, planted = (score(capsys, predictions, path)[1] for path in (manifest, turned))
    assert honest["figures"]["ua"]["mean"] < planted["figures"]["ua"]["mean"] == 1.0
    lines = [Signature.parse(found["signature"]) for found in (honest, planted)]
    assert lines[0].folds == lines[1].folds
    assert lines[0].data != lines[1].data


def test_a_label_alone_will_do_and_tells_nothing_of_calibration(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    full = score(capsys, write(tmp_path / "p.csv", rows_of(corpus)), manifest)[1]["figures"]
    code, found, err = score(capsys, write(tmp_path / "q.csv", without(rows_of(corpus), "p_", "fold")), manifest)
    assert code == 0
    assert [found["figures"][name] for name in ("ece", "nll", "brier", "aurc")] == [None] * 4
    assert found["figures"]["ua"] == full["ua"]
    assert found["figures"]["confusion"] == full["confusion"]
    assert "no column fold" in err
    assert "no probabilities" in err


def test_tables_and_json_are_scored_alike(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    rows = rows_of(corpus)
    expected = score(capsys, write(tmp_path / "p.csv", rows), manifest)[1]
    assert score(capsys, write(tmp_path / "p.tsv", rows, "\t"), manifest)[1] == expected
    documents = [
        {
            "id": row["id"],
            "label": row["label"],
            "fold": row["fold"],
            "probabilities": {label: float(row[f"p_{label}"]) for label in LABELS},
        }
        for row in rows
    ]
    (tmp_path / "p.json").write_text(json.dumps(documents))
    (tmp_path / "p.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in documents))
    assert score(capsys, tmp_path / "p.json", manifest)[1] == expected
    assert score(capsys, tmp_path / "p.jsonl", manifest)[1] == expected
    renamed = [
        {"utt": r["id"], "answer": r["label"], "part": r["fold"]} | without([r], "id", "label", "fold")[0]
        for r in rows
    ]
    columns = [word for pair in ("id=utt", "label=answer", "fold=part") for word in ("--column", pair)]
    assert score(capsys, write(tmp_path / "named.csv", renamed), manifest, *columns)[1] == expected


def test_a_file_a_fold_is_scored_as_one_file(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    rows = rows_of(corpus)
    expected = score(capsys, write(tmp_path / "p.csv", rows), manifest)[1]
    first, second = write(tmp_path / "1.csv", rows[:8]), write(tmp_path / "2.csv", rows[8:])
    assert score(capsys, first, manifest, second)[1] == expected


def test_seeds_are_averaged(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    rows = [row | {"seed": str(seed)} for seed in (0, 1) for row in rows_of(corpus, seed)]
    _, found, _ = score(capsys, write(tmp_path / "p.csv", rows), manifest)
    truth = [u.label for u in corpus]
    each = [balanced_accuracy_score(truth, [r["label"] for r in rows if r["seed"] == s]) for s in ("0", "1")]
    assert found["figures"]["ua"]["mean"] == pytest.approx(np.mean(each))
    assert found["figures"]["ua"]["std"] == pytest.approx(np.std(each, ddof=1))
    assert Signature.parse(found["signature"]).seeds == 2


def test_what_is_missing_is_listed_counted_and_signed(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    rows = rows_of(corpus)
    code, found, err = score(capsys, write(tmp_path / "p.csv", rows[2:]), manifest)
    assert code == 1
    assert found["missing"] == [row["id"] for row in rows[:2]]
    wrong = {row["id"]: row["label"] for row in rows[2:]}
    expected = recall_score(
        [u.label for u in corpus], [wrong.get(u.id, "none") for u in corpus], labels=LABELS, average="macro"
    )
    assert found["missing_as_wrong"]["ua"]["mean"] == pytest.approx(expected)
    _, shown, _ = call(capsys, "score", tmp_path / "p.csv", "--manifest", manifest, "--protocol", PROTOCOL)
    assert "missing = wrong" in shown
    assert f"{expected:.3f}" in shown
    assert "|n=22/24|" in found["signature"]
    assert "2 utterances that are tested have no prediction" in err
    truth = [u.label for u in corpus][2:]
    assert found["figures"]["wa"]["mean"] == pytest.approx(accuracy_score(truth, [r["label"] for r in rows[2:]]))
    two = [row | {"seed": str(seed)} for seed in (0, 1) for row in rows[seed:]]
    assert score(capsys, write(tmp_path / "p.csv", two), manifest)[1]["missing"] == [rows[0]["id"]]


def test_predictions_of_what_is_not_tested_do_not_count(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    split = tmp_path / "split.jsonl"
    parts = {"session1": "train", "session2": "train", "session3": "test"}
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    split.write_text("".join(json.dumps(row | {"split": parts[row["session"]]}) + "\n" for row in lines))
    rows = without(rows_of(corpus), "fold")
    code, found, err = score(capsys, write(tmp_path / "p.csv", rows), split, protocol="predefined")
    assert (code, found["n"], found["tested"]) == (0, 8, 8)
    assert "16 predictions are for utterances that no fold tests" in err
    parts["session2"] = "test"
    shared = [row | {"split": parts[row["session"]], "speaker": "x"} for row in lines]
    split.write_text("".join(json.dumps(row) + "\n" for row in shared))
    _, found, _ = score(capsys, write(tmp_path / "p.csv", rows), split, protocol="predefined")
    assert any("trains on speakers that it tests (x)" in warning for warning in found["warnings"])


def test_predictions_under_other_folds_are_refused(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    rows = rows_of(corpus)
    by_speaker = [row | {"fold": row["id"].partition("_")[0]} for row in rows]
    path = write(tmp_path / "p.csv", by_speaker)
    refused(capsys, path, manifest, says=["p.csv:", "the protocol tests them together", "'s1F_0'"])
    assert score(capsys, path, manifest, protocol="leave-one-speaker-out")[0] == 0
    random = [row | {"fold": str(number % 3)} for number, row in enumerate(rows)]
    refused(capsys, write(tmp_path / "q.csv", random), manifest, says=["q.csv:3", "the protocol tests them"])
    merged = [row | {"fold": "1" if row["fold"] != "session3" else "2"} for row in rows]
    refused(capsys, write(tmp_path / "r.csv", merged), manifest, says=["both in fold '1'", "in two"])


def test_names_of_folds_may_be_others_for_each_seed(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    rows = [row | {"seed": s, "fold": f"{s} {row['fold']}"} for s in ("a", "b") for row in rows_of(corpus)]
    assert score(capsys, write(tmp_path / "p.csv", rows), manifest)[0] == 0


def test_given_folds_must_be_those_of_the_protocol(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "p.csv", without(rows_of(corpus), "fold"))
    folds = tmp_path / "folds.json"

    def give(protocol: str) -> list[dict[str, Any]]:
        document = json.loads(json.dumps(folds_document(make_folds(corpus, protocol))))  # type: ignore[arg-type]
        folds.write_text(json.dumps(document))
        rows: list[dict[str, Any]] = document["folds"]
        return rows

    def mend(rows: list[dict[str, Any]]) -> None:
        folds.write_text(json.dumps({"folds": rows}))

    rows = give(PROTOCOL)  # with validation parts, other than ours
    same = score(capsys, path, manifest, "--folds", folds)[1]
    assert same == score(capsys, path, manifest)[1]
    mend(rows[:2])
    refused(capsys, path, manifest, "--folds", folds, says=["--folds", "is no fold of the protocol"])
    mend([rows[0], rows[1], rows[2] | {"test": rows[2]["test"][1:]}])
    refused(capsys, path, manifest, "--folds", folds, says=["are never tested", rows[2]["test"][0]])
    mend([rows[0], rows[0], rows[2]])
    refused(capsys, path, manifest, "--folds", folds, says=["is tested twice"])
    mend([rows[0] | {"train": [*rows[0]["train"], rows[0]["test"][0]]}, *rows[1:]])
    refused(capsys, path, manifest, "--folds", folds, says=["trains on", "which the protocol excludes"])
    mend([rows[0] | {"test": ["unknown"]}, *rows[1:]])
    refused(capsys, path, manifest, "--folds", folds, says=["'unknown' is tested and has no label here"])
    folds.write_text("[]")
    refused(capsys, path, manifest, "--folds", folds, says=["folds.json: is damaged"])
    folds.write_text('{"folds": [{"name": 1}]}')
    refused(capsys, path, manifest, "--folds", folds, says=["folds.json: holds no folds"])
    give("leave-one-speaker-out")
    refused(capsys, path, manifest, "--folds", folds, says=["is no fold of the protocol"])


def test_any_folds_of_whole_speakers_are_speaker_folds(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    path, folds = write(tmp_path / "p.csv", without(rows_of(corpus), "fold")), tmp_path / "folds.json"
    document = json.loads(json.dumps(folds_document(make_folds(corpus, PROTOCOL))))
    folds.write_text(json.dumps(document))
    code, found, _ = score(capsys, path, manifest, "--folds", folds, protocol="speaker-kfold")
    assert code == 0
    drawn = score(capsys, path, manifest, protocol="speaker-kfold")[1]
    assert drawn["figures"]["ua"]["mean"] == found["figures"]["ua"]["mean"]
    assert Signature.parse(drawn["signature"]).folds != Signature.parse(found["signature"]).folds
    first, second = document["folds"][0]["test"], document["folds"][1]["test"]
    document["folds"][0]["test"], document["folds"][1]["test"] = [*first[1:], second[0]], [*second[1:], first[0]]
    folds.write_text(json.dumps(document))
    refused(
        capsys,
        path,
        manifest,
        "--folds",
        folds,
        protocol="speaker-kfold",
        says=["trains on", "who are in its test part"],
    )
    document["folds"][0]["train"].append("unknown")
    folds.write_text(json.dumps(document))
    more = ("--folds", folds)
    refused(capsys, path, manifest, *more, protocol="speaker-kfold", says=["has no utterance unknown"])
    refused(
        capsys, path, manifest, *more, "--text-independent", protocol="speaker-kfold", says=["cannot be checked"]
    )


def test_wrong_predictions_are_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    good, path = rows_of(corpus), tmp_path / "p.csv"

    def with_first(**values: str) -> Path:
        return write(path, [good[0] | values, *good[1:]])

    refused(capsys, with_first(id="strange"), manifest, says=["p.csv:2", "no utterance 'strange'"])
    refused(capsys, with_first(label="glad"), manifest, says=["p.csv:2", "'glad' is none of the labels angry"])
    refused(capsys, with_first(id=good[1]["id"]), manifest, says=["p.csv:3", "predicted twice", "p.csv:2"])
    refused(capsys, with_first(label=""), manifest, says=["p.csv:2", "has no label"])
    refused(capsys, with_first(p_angry="high"), manifest, says=["p.csv:2", "a probability is no number"])
    refused(capsys, with_first(p_angry="3"), manifest, says=["p.csv:2", "not shares of 1"])
    refused(capsys, with_first(p_angry=""), manifest, says=["p.csv:2", "no probability of 'angry'"])
    least = min(LABELS, key=lambda label: float(good[0][f"p_{label}"]))
    refused(capsys, with_first(label=least), manifest, says=["p.csv:2", "has the largest probability"])
    nothing = {f"p_{label}": "" for label in LABELS}
    refused(capsys, with_first(**nothing), manifest, says=["p.csv:2", "has no probabilities, and other rows have"])
    strange = [row | {"p_bored": "0"} for row in good]
    refused(capsys, write(path, strange), manifest, says=["p.csv:2", "'bored' is none of the labels"])
    refused(capsys, write(path, without(good, "id")), manifest, says=["no column is called id"])
    refused(capsys, write(path, good), manifest, "--column", "id=x", says=["has no column 'x'"])
    refused(capsys, path, manifest, "--column", "x=id", says=["is no field of a prediction"])
    refused(capsys, path, manifest, "--column", "id", says=["field=column"])
    refused(capsys, path, manifest, "--text-source", "whisper", says=["--text-source whisper", "gold, asr, none"])
    refused(capsys, path, manifest, "--labels", "iemocap", says=["called 'iemocap'", "did you mean"])
    refused(capsys, path, manifest, protocol="random", says=["--protocol random", "speaker-kfold"])
    refused(capsys, tmp_path / "gone.csv", manifest, says=["gone.csv: no such file of predictions"])
    refused(capsys, tmp_path, manifest, says=["cannot be read"])
    refused(capsys, path, tmp_path / "gone.jsonl", says=["gone.jsonl: no such manifest"])


def test_files_that_are_none_are_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    path = tmp_path / "p"
    for content, words in (
        (b"", "holds no prediction"),
        (b"id,label\n", "holds no prediction"),
        (b"id,label\na,b,c\n", "p:2: has more values"),
        (b'id,label\na,"b\n', "is not a table that can be read"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'{"id": "a"}\n{', "p:2: is not a JSON object"),
        (b"[1]", "entry 1: is not a JSON object"),
        (b"[", "is not JSON"),
        (b'{"id": "s1F_0"}\n', "no column is called label"),
        (b'{"id": "s1F_0", "label": null}\n', "p:1: has no label"),
    ):
        path.write_bytes(content)
        refused(capsys, path, manifest, says=[words])


def test_a_manifest_whose_utterances_nobody_predicted_is_refused(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    split = tmp_path / "split.jsonl"
    rows = [row | {"split": "test" if row["session"] == "session3" else "train"} for row in lines]
    split.write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = write(tmp_path / "p.csv", without(rows_of(corpus), "fold")[:8])
    refused(capsys, path, split, protocol="predefined", says=["none of the utterances that are tested"])


def test_our_own_predictions_are_read_back(
    capsys: pytest.CaptureFixture[str], corpus: Corpus, manifest: Path, tmp_path: Path
) -> None:
    """Two probabilities that were rounded to the same number: the label that was written wins."""
    rows = rows_of(corpus)
    tie = {"p_angry": "0.333333", "p_happy": "0.333333", "p_neutral": "0.333334", "p_sad": "0.000000"}
    rows[0] |= tie | {"label": "happy"}
    rows[1] |= tie | {"label": "angry"}
    _, found, _ = score(capsys, write(tmp_path / "p.csv", rows), manifest)
    truth = [u.label for u in corpus]
    assert found["figures"]["wa"]["mean"] == pytest.approx(accuracy_score(truth, [r["label"] for r in rows]))
