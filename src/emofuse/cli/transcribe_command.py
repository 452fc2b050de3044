"""`emofuse transcribe`: speech recognition for a manifest, with word error rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emofuse.cli.terminal import echo
from emofuse.errors import MissingExtraError, RunError
from emofuse.types import Corpus, Skip, Utterance

if TYPE_CHECKING:
    from emofuse.data.asr_engines import Engine
    from emofuse.data.transcription import Recognition
    from emofuse.evaluation.word_errors import WordErrorRate

# Word error rates are computed for each value of these.
GROUPS = ("label", "gender", "speaker")
SHOWN_GROUPS = ("label", "gender")


def transcribe(
    manifest: Annotated[Path, typer.Argument(help="Manifest (JSON Lines).")],
    out: Annotated[Path, typer.Option("--out", help="Manifest to write, with the recognised texts.")],
    asr: Annotated[
        str | None,
        typer.Option(
            "--asr",
            help="Engine: pocketsphinx (no download), faster-whisper[:SIZE or folder] or transformers:MODEL.",
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option("--language", help="Language of recordings for which the manifest has none, such as en."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    any_sound: Annotated[
        bool, typer.Option("--any-sound", help="Recognise sound without speech too: tones, music, noise.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Transcribe the recordings of a manifest.

    Texts that the manifest already has are kept as well.
    """
    from emofuse.cli.output import configure_logging, print_json, warn_of_skips
    from emofuse.data.manifest import load_corpus
    from emofuse.data.transcription import only_language, recognise_corpus, save_recognised, words_file

    configure_logging()
    corpus = load_corpus(manifest)
    if out.exists() and out.samefile(manifest):
        raise RunError(f"{out}: is the input manifest; choose another --out")
    engine = open_any_engine(asr or _default_engine())
    results = recognise_corpus(corpus, engine, out, language, resume, any_sound)
    recognitions, skipped = _recognise_shown(engine.name, results, len(corpus))
    recognised = save_recognised(corpus, recognitions, out)
    spoken = {u.id for u in corpus if u.audio is not None}
    failed = [skip for skip in skipped if skip.id in spoken]
    rates = _error_rates([u for u in recognised if u.id in recognitions])
    if as_json:
        print_json(
            {
                "corpus": corpus.name,
                "n_utterances": len(corpus),
                "source": f"asr:{engine.name}",
                "recognised": len(recognitions),
                "empty": sum(not recognition.text for recognition in recognitions.values()),
                "languages": Counter(recognition.language or "none" for recognition in recognitions.values()),
                "word_error_rate": None if rates is None else _as_json(rates),
                "without_recording": [asdict(skip) for skip in skipped if skip not in failed],
                "failed": [asdict(skip) for skip in failed],
                "out": str(out),
                "words": str(words_file(out)),
            }
        )
    else:
        _show(corpus, recognitions, rates, out)
        if language is None and (only := only_language(engine)) and any(u.language is None for u in corpus):
            echo(f"{engine.name} takes all speech for the language {only!r}; name another one with --language")
    warn_of_skips(skipped)
    return 1 if failed else 0


def open_any_engine(spec: str, language: str | None = None) -> Engine:
    """Load a speech recognition engine by the name that `--asr` takes.

    Raises:
        RecipeError: there is no such engine, or it does not know the language.
        MissingExtraError: its library is not installed.
        CheckpointError: its model cannot be loaded.
    """
    from emofuse.data.transcription import refuse_unknown_language

    name, _, model = spec.partition(":")
    engine: Engine
    if name == "transformers":
        from emofuse.inference.foreign.transformers_asr import TransformersEngine

        engine = TransformersEngine(model)
    else:
        from emofuse.data.asr_engines import open_engine

        engine = open_engine(spec)
    refuse_unknown_language(engine, language)
    return engine


def _default_engine() -> str:
    if find_spec("faster_whisper") is None:
        raise MissingExtraError(
            "asr", "faster-whisper, the default engine (others: --asr pocketsphinx, --asr transformers:MODEL),"
        )
    return "faster-whisper"


def _recognise_shown(
    name: str, results: Iterable[Recognition | Skip], count: int
) -> tuple[dict[str, Recognition], list[Skip]]:
    """Recognise a corpus with a progress bar on stderr."""
    from emofuse.cli.output import progress_bar

    recognitions: dict[str, Recognition] = {}
    skipped: list[Skip] = []
    with progress_bar() as bar:
        task = bar.add_task(name, total=count, figures="")
        for result in results:
            if isinstance(result, Skip):
                skipped.append(result)
            else:
                recognitions[result.id] = result
            bar.update(task, advance=1, figures=f"{len(recognitions) + len(skipped)}/{count}")
    return recognitions, skipped


def _error_rates(utterances: list[Utterance]) -> dict[str, dict[str, WordErrorRate]] | None:
    """Return word error rates overall and by group; None without reference transcripts."""
    from emofuse.data.tokenization import strip_annotations
    from emofuse.data.transcription import GOLD
    from emofuse.evaluation.word_errors import word_error_rate, word_error_rates

    # A text that was not spoken is no reference for the spoken words.
    references = [u for u in utterances if GOLD in u.transcripts and "text_not_spoken" not in u.tags]
    if not references:
        return None
    pairs = [(strip_annotations(u.transcripts[GOLD]), u.text or "") for u in references]
    by_group = {group: word_error_rates(pairs, [getattr(u, group) for u in references]) for group in GROUPS}
    return {"overall": {"all": word_error_rate(pairs)}} | by_group


def _as_json(rates: dict[str, dict[str, WordErrorRate]]) -> dict[str, Any]:
    groups = {
        name: {value: asdict(rate) | {"rate": rate.rate} for value, rate in group.items()}
        for name, group in rates.items()
    }
    return groups | {"overall": groups["overall"]["all"]}


def _show(
    corpus: Corpus,
    recognitions: dict[str, Recognition],
    rates: dict[str, dict[str, WordErrorRate]] | None,
    out: Path,
) -> None:
    from emofuse.cli.output import counted, print_table

    if rates is None:
        echo("no reference transcripts, hence no word error rate")
    else:
        rows = [("all", rates["overall"]["all"])]
        rows += [(f"{name} {value}", rate) for name in SHOWN_GROUPS for value, rate in rates[name].items()]
        print_table(
            ("word error rate", "WER", "errors", "words", "utterances"),
            [
                (name, _percent(rate), str(rate.errors), str(rate.words), str(rate.utterances))
                for name, rate in rows
            ],
        )
    empty = sum(not recognition.text for recognition in recognitions.values())
    echo(
        f"{len(recognitions)} of {counted(len(corpus), 'utterance')} recognised, {empty} without words; "
        f"written to {out}"
    )


def _percent(rate: WordErrorRate) -> str:
    return "-" if rate.rate is None else f"{100 * rate.rate:.1f} %"
