"""Manifests."""

from __future__ import annotations

from pathlib import Path

from emofuse.data.manifest import load_corpus, save_corpus
from emofuse.data.splits import corpus_hash


def manifest(data: bytes, folder: Path) -> None:
    (folder / "manifest.jsonl").write_bytes(data)
    corpus = load_corpus(folder / "manifest.jsonl")
    corpus_hash(corpus)
    save_corpus(corpus, folder / "again.jsonl")
    assert load_corpus(folder / "again.jsonl").utterances == corpus.utterances


READERS = [manifest]
