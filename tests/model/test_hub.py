"""To the Hub and back, with a stand-in for the Hub itself, which cannot be reached here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import CommitInfo, HfApi, ModelCard, RepoUrl
from networks import bert, inputs, logits, network, wav2vec2

from emofuse import EmotionModel, EmotionProcessor
from emofuse.data.preparation import AudioPreparation, Preparation, TextPreparation
from emofuse.data.tokenization import learn_vocabulary


def test_model_and_processor_are_pushed_with_all_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would be uploaded is caught, and is a folder that loads bit for bit."""
    hub = tmp_path / "hub"
    hub.mkdir()

    def commit(self: HfApi, *given: Any, operations: list[Any], **rest: Any) -> CommitInfo:
        for operation in operations:
            shutil.copyfile(operation.path_or_fileobj, hub / operation.path_in_repo)
        return CommitInfo(
            commit_url="https://huggingface.co/me/model/commit/0",
            commit_message="",
            commit_description="",
            oid="0",
        )

    monkeypatch.setattr(HfApi, "create_commit", commit)

    def create(self: HfApi, repo_id: str, **rest: Any) -> RepoUrl:
        return RepoUrl(f"https://huggingface.co/{repo_id}")

    monkeypatch.setattr(HfApi, "create_repo", create)
    for place in ("transformers.utils.hub", "transformers.modeling_utils", "transformers.processing_utils"):
        name = f"{place}.create_and_tag_model_card"
        monkeypatch.setattr(name, lambda *given, **rest: ModelCard("# a card"), raising=False)
    model = network(wav2vec2(), bert())
    tokenizer = learn_vocabulary(["say it", "say it"], "words", 90)
    preparation = Preparation(AudioPreparation(), TextPreparation(tokenizer))
    model.push_to_hub("me/model")
    EmotionProcessor(preparation).push_to_hub("me/model")
    assert {"config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"} <= {
        path.name for path in hub.iterdir()
    }
    rows = inputs([5431], [7])
    assert torch.equal(logits(EmotionModel.from_pretrained(hub).eval(), rows), logits(model, rows))
    assert EmotionProcessor.from_pretrained(hub)(text="say it")["text_mask"].all()
