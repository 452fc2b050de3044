"""References to encoders in folders: known by name and hash, found again, and without a path where others read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from networks import bert, inputs, logits, network, wav2vec2

from emofuse import layout
from emofuse.data.preparation import AudioPreparation, Preparation, TextPreparation
from emofuse.data.tokenization import learn_vocabulary
from emofuse.errors import CheckpointError
from emofuse.hub.snapshots import Source
from emofuse.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from emofuse.model.encoders.encoder_references import Reference
from emofuse.model.network import EmotionModel
from emofuse.model.pretrained import refer_to

ROWS = inputs([5431], [7])
HASH = "ab" * 32


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """Return a model whose text encoder came from the folder `reads`."""
    model = network(wav2vec2(), bert())
    reads = model.text_encoder.backbone
    reads.save_pretrained(tmp_path / "reads")
    model.refer("text", refer_to(reads, Source(str(tmp_path / "reads"))))
    vocabulary = learn_vocabulary(["say it"], "words", 90)
    return Checkpoint(model, Preparation(AudioPreparation(), TextPreparation(vocabulary)))


def settings(folder: Path) -> dict[str, object]:
    values = json.loads((folder / layout.CONFIG).read_text())
    assert isinstance(values, dict)
    return values


def test_a_folder_is_known_by_its_name_and_hash_not_by_its_path(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(checkpoint, tmp_path / "model")
    assert str(tmp_path) not in (tmp_path / "model" / layout.CONFIG).read_text()
    assert settings(tmp_path / "model")["references"] == {
        "text": {
            "name": "reads",
            "revision": None,
            "sha256": checkpoint.model.config.references["text"]["sha256"],
            "local": True,
        }
    }
    places = json.loads((tmp_path / "model" / layout.LOCAL_ENCODERS).read_text())
    assert places == {"text": str(tmp_path / "reads")}


def test_it_is_found_again_also_after_a_second_saving(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(checkpoint, tmp_path / "model")
    save_checkpoint(load_checkpoint(tmp_path / "model"), tmp_path / "again")
    again = load_checkpoint(tmp_path / "again").model
    assert torch.equal(logits(again, ROWS), logits(checkpoint.model, ROWS))
    assert set(again.config.references) == {"text"}


def test_a_moved_folder_is_named_with_its_hash_and_found_at_its_new_place(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    save_checkpoint(checkpoint, tmp_path / "model")
    (tmp_path / "reads").rename(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="is the folder reads with SHA-256"):
        load_checkpoint(tmp_path / "model")
    places = tmp_path / "model" / layout.LOCAL_ENCODERS
    places.write_text(json.dumps({"text": str(tmp_path / "elsewhere")}))
    moved = load_checkpoint(tmp_path / "model").model
    assert torch.equal(logits(moved, ROWS), logits(checkpoint.model, ROWS))
    places.unlink()
    short = checkpoint.model.config.references["text"]["sha256"][:12]
    with pytest.raises(
        CheckpointError, match=f"folder reads with SHA-256 {short}, which is not where local_encoders.json"
    ):
        load_checkpoint(tmp_path / "model")


@pytest.mark.parametrize("held", ["[]", "{", '{"text": "reads"}', '{"text": 1}', "{}"])
def test_a_file_of_places_that_says_nothing_is_refused(checkpoint: Checkpoint, tmp_path: Path, held: str) -> None:
    save_checkpoint(checkpoint, tmp_path / "model")
    (tmp_path / "model" / layout.LOCAL_ENCODERS).write_text(held)
    with pytest.raises(CheckpointError, match=r"local_encoders\.json"):
        load_checkpoint(tmp_path / "model")


def test_what_transformers_saves_or_pushes_is_whole_and_without_a_path(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    checkpoint.model.save_pretrained(tmp_path / "pushed")
    assert not (tmp_path / "pushed" / layout.LOCAL_ENCODERS).exists()
    assert str(tmp_path) not in (tmp_path / "pushed" / layout.CONFIG).read_text()
    assert settings(tmp_path / "pushed").get("references", {}) == {}
    again = EmotionModel.from_pretrained(tmp_path / "pushed").eval()
    assert torch.equal(logits(again, ROWS), logits(checkpoint.model, ROWS))
    assert set(checkpoint.model.config.references) == {"text"}  # the model in memory is as it was


def test_a_reference_by_path_as_in_older_models_is_read_and_written_by_name() -> None:
    old = Reference.read(Path("model"), "text", {"name": "/some/where/reads", "revision": None, "sha256": HASH})
    assert old.source == Source("/some/where/reads")
    assert old.as_dict() == {"name": "reads", "revision": None, "sha256": HASH, "local": True}


def test_a_name_on_the_hub_has_no_place() -> None:
    values = {"name": "someone/reads", "revision": "1" * 40, "sha256": HASH}
    reference = Reference.read(Path("model"), "text", values)
    assert reference.source == Source("someone/reads", "1" * 40)
    assert reference.as_dict() == values
    assert reference.identity == f"revision {'1' * 40}, SHA-256 {HASH[:12]}"
