"""`emofuse predict`: recordings, folders, lists and texts in, predictions or timelines out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emofuse.cli.page_options import PageOptions, WithoutAudio, WithoutWords, WithPseudonyms
from emofuse.cli.predict.model_options import Calibrate, LabelMap, Together, chosen_model, parse_together
from emofuse.cli.terminal import echo
from emofuse.seal import seal

if TYPE_CHECKING:
    from emofuse.cli.output import InputProgress
    from emofuse.cli.predict.inputs import Inputs
    from emofuse.cli.predict.predict_options import PredictOptions
    from emofuse.cli.predict.timeline_jobs import TimelineSettings
    from emofuse.inference.choice.chosen_models import ChosenModel
    from emofuse.inference.predictor import Progress
    from emofuse.inference.recognizer import EmotionRecognizer
    from emofuse.types import Prediction, Skip, Utterance


def predict(
    model: Annotated[
        Path | None,
        typer.Argument(
            help="A model or run folder, a model that ships with emofuse, or a model on the Hub (owner/name); "
            "if omitted, the default one."
        ),
    ] = None,
    inputs: Annotated[
        list[Path] | None, typer.Argument(help="Recordings, folders of recordings, or manifests (.jsonl).")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="Transcript of the only recording, or a text without a recording.")
    ] = None,
    transcripts: Annotated[
        Path | None,
        typer.Option("--transcripts", help="A table, a TXT, SRT, VTT, TTML or JSON file, or a folder of such."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="Name of a column in such tables, as field=column, text=said (repeatable)."),
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            "--format",
            help="Output format: table, json, jsonl, csv or xlsx; "
            "for timelines also srt, vtt, rttm, textgrid, eaf, labels, page or picture.",
        ),
    ] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="Write to this folder instead of stdout.")] = None,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Predict even if a modality that the model requires is missing."),
    ] = False,
    any_sound: Annotated[
        bool, typer.Option("--any-sound", help="Predict sound without speech too: tones, music, noise.")
    ] = False,
    priors: Annotated[
        str | None,
        typer.Option("--priors", help="Label frequencies where the model is used, such as happy=0.1,neutral=0.9."),
    ] = None,
    relative: Annotated[
        str | None,
        typer.Option(
            "--relative-to",
            help="Predict relative to the whole collection, each recording or each speaker, never where these may "
            "show one emotion only: collection, recording or speaker. Computes everything twice.",
        ),
    ] = None,
    together: Together = None,
    label_map: LabelMap = None,
    calibrate: Calibrate = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse damaged recordings, not use them as far as they decode.")
    ] = False,
    listed: Annotated[
        Path | None, typer.Option("--list", help="A text file with the path of one recording per line.")
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="With --out: write one file per input.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="With --out: continue an interrupted run.")] = False,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Write a timeline: segments of speech with their predictions.")
    ] = False,
    segmentation: Annotated[
        str, typer.Option("--segmentation", help="How to find segments: auto, silero, energy or windows.")
    ] = "auto",
    turns: Annotated[
        Path | None, typer.Option("--turns", help="Use the turns in this file, or folder of files, as segments.")
    ] = None,
    speakers: Annotated[
        Path | None, typer.Option("--speakers", help="Who speaks when: a file, or a folder of files.")
    ] = None,
    channels: Annotated[
        str | None,
        typer.Option("--channels", help="Analyse each channel of a call by itself, such as agent=0,customer=1."),
    ] = None,
    analyse: Annotated[
        str | None, typer.Option("--analyse", help="With --channels: analyse this channel only.")
    ] = None,
    analyse_employee: Annotated[
        bool,
        typer.Option("--analyse-employee", help="Allow the analysis of an employee's channel, where it is legal."),
    ] = False,
    asr: Annotated[
        str | None,
        typer.Option(
            "--asr",
            help="Recognise missing words: pocketsphinx, faster-whisper[:SIZE or folder] or transformers:MODEL.",
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="ISO 639-1 code of the spoken language, such as en.")
    ] = None,
    smooth: Annotated[
        float, typer.Option("--smooth", help="Smooth the probabilities of a timeline over this many seconds.")
    ] = 0.0,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="In a timeline, report changes from each speaker's own mean.")
    ] = False,
    without_audio: WithoutAudio = False,
    without_words: WithoutWords = False,
    pseudonyms: WithPseudonyms = False,
    sealed: Annotated[
        bool,
        typer.Option("--sealed", help="Open no socket, mask words in messages and pages; with --out: a receipt."),
    ] = False,
) -> int:
    """Predict emotions in recordings, texts, or both."""
    from emofuse.cli.output import configure_logging
    from emofuse.cli.predict import predict_options as records
    from emofuse.cli.predict.inputs import choose_model, collect_inputs

    options = records.PredictOptions(
        records.ModelOptions(
            allow_missing, records.parse_priors(priors), strict, any_sound, records.parse_relative(relative)
        ),
        records.TextOptions(text, transcripts, asr, language, records.parse_columns(column or [])),
        records.SegmentOptions(timeline, segmentation, turns, speakers, smooth, baseline),
        records.CallOptions(channels, analyse, analyse_employee),
        records.OutputOptions(output, out, each, resume),
        PageOptions(without_audio, without_words, pseudonyms),
    )
    options.check()
    if sealed:
        seal()
    configure_logging()
    pair, folder, paths = parse_together(together), None, [*([model] if model else []), *(inputs or [])]
    if not pair:
        folder, paths = choose_model(model, inputs or [])
    chosen = chosen_model(folder, pair, label_map, calibrate)
    named = [*paths, *([listed] if listed else ())]
    collected = collect_inputs(paths, listed, options.text, options.segments, out)
    return _run(chosen, collected, options, named)


def _run(model: ChosenModel, inputs: Inputs, options: PredictOptions, named: Sequence[Path]) -> int:
    """Load what is needed, predict, and return the exit code."""
    from emofuse.cli.predict.relative_run import relative_recognizer
    from emofuse.cli.predict.timeline_jobs import TimelineSettings
    from emofuse.cli.transcribe_command import open_any_engine
    from emofuse.inference.recognizer import load

    options.call.analysed_channels()  # refuses a channel before anything is loaded
    text = options.text
    settings = TimelineSettings(options, inputs, open_any_engine(text.asr, text.language) if text.asr else None)
    chosen = options.model
    recognizer = load(model, allow_missing=chosen.allow_missing, priors=chosen.priors, strict=chosen.strict)
    if recognizer.predictor.scope is not None:
        echo(f"{recognizer.predictor.name}: {recognizer.predictor.scope}", err=True)
    if chosen.relative_to is not None:
        recognizer = relative_recognizer(recognizer, settings, _predict_utterances)
    if options.output.folder is None:
        failed = (_print_timelines if options.timeline else _print_predictions)(recognizer, settings)
    else:
        failed = _save(recognizer, settings, named)
    return 1 if failed else 0


def _save(recognizer: EmotionRecognizer, settings: TimelineSettings, named: Sequence[Path]) -> int:
    """Write predictions or timelines into a folder; return how many inputs failed."""
    from emofuse.cli.predict.receipt import receipt_of
    from emofuse.cli.predict.run_record import run_identity
    from emofuse.cli.predict.saving import save_predictions, save_timelines

    identity = run_identity(settings.options, recognizer, settings.engine)
    with receipt_of(recognizer, settings, identity, named):
        if settings.options.timeline:
            return save_timelines(recognizer, settings, identity)
        predict_all = partial(_predict_utterances, recognizer, settings)
        return save_predictions(settings, recognizer.labels, identity, predict_all)


def _print_predictions(recognizer: EmotionRecognizer, settings: TimelineSettings) -> int:
    """Write predictions to stdout; return how many inputs failed."""
    from emofuse.cli.output import InputProgress, progress_bar
    from emofuse.cli.predict.formats import FORMATS

    lines = FORMATS[settings.options.output.format]  # type: ignore[index]  # checked before
    with progress_bar(not sys.stdout.isatty()) as bar:
        progress = InputProgress(bar, len(settings.inputs))
        for line in lines(_predictions(recognizer, settings, progress), recognizer.labels):
            typer.echo(line)
    return progress.failed


def _predictions(
    recognizer: EmotionRecognizer, settings: TimelineSettings, progress: InputProgress
) -> Iterator[Prediction]:
    """Yield the predictions of all inputs, part by part; failures are only reported."""
    from emofuse.cli.predict.inputs import without_failures

    for part in settings.inputs.in_parts():
        progress.begin_part()
        utterances = without_failures(part.with_words(), progress.fail)
        results = _predict_utterances(recognizer, settings, utterances, progress.step)
        yield from without_failures(results, progress.fail)


def _predict_utterances(
    recognizer: EmotionRecognizer,
    settings: TimelineSettings,
    utterances: Iterator[Utterance],
    progress: Progress,
) -> Iterator[Prediction | Skip]:
    """Predict utterances; with a speech recognition engine, those without words get theirs first."""
    long = recognizer.long_recordings(settings.for_recording, any_sound=settings.options.model.any_sound)
    if settings.engine is None:
        return recognizer.predict_many(utterances, progress=progress, long=long)
    from emofuse.inference.recognized_text import with_recognized_text

    audio, language = recognizer.predictor.preparation.audio, settings.options.text.language
    pairs = with_recognized_text(utterances, settings.engine, language, audio.rate if audio else 0, long)
    return recognizer.predict_clips(pairs, progress=progress, long=long)


def _print_timelines(recognizer: EmotionRecognizer, settings: TimelineSettings) -> int:
    """Write timelines to stdout; return how many recordings failed."""
    from emofuse.cli.output import InputProgress, progress_bar
    from emofuse.cli.predict.inputs import without_failures
    from emofuse.cli.predict.timeline_jobs import make_timelines, timeline_jobs
    from emofuse.cli.predict.timeline_writing import TimelineWriter

    options = settings.options
    jobs = timeline_jobs(settings.inputs, options.call)
    writer = TimelineWriter(options.output.format, options.call.all_channels(), options.page.contents())
    with progress_bar(not sys.stdout.isatty()) as bar:
        progress = InputProgress(bar, len(jobs))
        timelines = without_failures(make_timelines(recognizer, jobs, settings, progress.step), progress.fail)
        for text in writer.joined(timelines, len(jobs)):
            typer.echo(text, nl=False)
    return progress.failed
