"""`emofuse predict`: recordings, folders, lists and texts in, predictions or timelines out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emofuse.errors import RecipeError

if TYPE_CHECKING:
    from emofuse.cli.predict.inputs import Inputs
    from emofuse.cli.predict.predict_options import Asked
    from emofuse.cli.predict.timeline_choices import Choosing
    from emofuse.cli.predict.timeline_writing import Job
    from emofuse.cli.predict.writing import Reporting
    from emofuse.inference.recognizer import EmotionRecognizer
    from emofuse.types import Prediction, Skip, Timeline

FORMATS_HELP = "table, json, jsonl or csv; of timelines also srt, vtt, rttm, textgrid, eaf, labels, page, picture."


def predict(
    model: Annotated[
        Path | None,
        typer.Argument(help="The model folder, or a run folder with a model in it; else the one in the box."),
    ] = None,
    inputs: Annotated[
        list[Path] | None, typer.Argument(help="Recordings, folders of recordings, manifests (.jsonl).")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="What is said in the one recording given.")] = None,
    transcripts: Annotated[
        Path | None,
        typer.Option(
            "--transcripts",
            help="A table of files and what is said in them; TXT, SRT, VTT or JSON of one; a folder of such.",
        ),
    ] = None,
    output: Annotated[str, typer.Option("--format", help=FORMATS_HELP)] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="Write into this folder, not to stdout.")] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Predict though a modality is missing that the model needs.")
    ] = False,
    priors: Annotated[
        str | None, typer.Option("--priors", help="How frequent labels are in use: happy=0.1,neutral=0.9 ...")
    ] = None,
    listed: Annotated[
        Path | None, typer.Option("--list", help="A file with the path of a recording a line.")
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="With --out: a file for each input.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="With --out: go on with a run that stopped.")] = False,
    timeline: Annotated[bool, typer.Option("--timeline", help="Tell what is to be heard when.")] = False,
    segmentation: Annotated[
        str, typer.Option("--segmentation", help="How segments are found: auto, silero, energy or windows.")
    ] = "auto",
    turns: Annotated[
        Path | None, typer.Option("--turns", help="The segments of a recording, in a file; or a folder of such.")
    ] = None,
    speakers: Annotated[
        Path | None, typer.Option("--speakers", help="Who speaks when, in a file; or a folder of such.")
    ] = None,
    channels: Annotated[
        str | None, typer.Option("--channels", help="The channels of a call, one by one: agent=0,customer=1.")
    ] = None,
    analyse: Annotated[str | None, typer.Option("--analyse", help="The one channel that is analysed.")] = None,
    analyse_employee: Annotated[
        bool,
        typer.Option("--analyse-employee", help="Analyse somebody at work; read first where that is allowed."),
    ] = False,
    asr: Annotated[
        str | None, typer.Option("--asr", help="Recognise the words: pocketsphinx, faster-whisper[:SIZE], ...")
    ] = None,
    language: Annotated[str | None, typer.Option("--language", help="What is spoken, such as en.")] = None,
    smooth: Annotated[
        float, typer.Option("--smooth", help="Seconds over which a timeline's probabilities are smoothed.")
    ] = 0.0,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Tell change against each speaker's own mean.")
    ] = False,
) -> int:
    """Recognise the emotion in recordings, in texts, or in both together."""
    from emofuse.cli.predict.predict_options import Asked

    asked = Asked(
        form=output,
        timeline=timeline,
        out=out,
        each=each,
        resume=resume,
        text=text,
        transcripts=transcripts,
        speakers=speakers,
        turns=turns,
        channels=channels,
        analyse=analyse,
        analyse_employee=analyse_employee,
        segmentation=segmentation,
        asr=asr,
        language=language,
        smooth=smooth,
        baseline=baseline,
    )
    asked.check()
    from emofuse.cli.output import configure_logging
    from emofuse.cli.predict.inputs import collect_inputs
    from emofuse.cli.predict.model_choice import choose_model

    configure_logging()
    folder, paths = choose_model(model, inputs or [])
    found = collect_inputs(paths, listed, text, transcripts)
    shares = _shares(priors)
    return _run(asked, found, folder, allow_missing, shares)


def _run(asked: Asked, inputs: Inputs, folder: Path, allow_missing: bool, priors: dict[str, float] | None) -> int:
    """Load what is needed, answer, and return the exit code."""
    from emofuse.cli.predict.timeline_choices import choosing
    from emofuse.cli.predict.timeline_writing import Job, tell_all
    from emofuse.cli.predict.writing import Target, answer_all
    from emofuse.inference.recognizer import load

    channels = asked.chosen_channels()
    chosen = choosing(asked, inputs)
    recognizer = load(folder, allow_missing=allow_missing, priors=priors)
    if recognizer.predictor.scope is not None:
        typer.echo(f"{recognizer.predictor.name}: {recognizer.predictor.scope}", err=True)
    engine = chosen.engine
    further = {"allow_missing": allow_missing, "priors": priors, "asr": engine and [engine.name, engine.version]}
    known = asked.known_by(recognizer.folder or folder, further) if asked.out else {}
    target = Target(asked.form, asked.out, asked.each, asked.resume, known)
    if asked.tells_when:
        jobs = [
            Job(f"{one.id}-{name}" if name else one.id, one, number, name)
            for one in inputs
            for name, number in (channels.items() or [(None, None)])
        ]
        return 1 if tell_all(jobs, lambda job: _composed(recognizer, job, chosen), target) else 0

    def ask(left: Inputs, report: Reporting) -> Iterator[Prediction | Skip]:
        return _predicted(recognizer, left, report, chosen)

    return 1 if answer_all(inputs, ask, recognizer.labels, target) else 0


def _predicted(
    recognizer: EmotionRecognizer, left: Inputs, report: Reporting, chosen: Choosing
) -> Iterator[Prediction | Skip]:
    """Return what is said of inputs; words are recognised where there are none and an engine is there."""
    from emofuse.inference.recognized_words import with_words

    long = recognizer.long_recordings(chosen.for_long)
    utterances = left.with_words(report.refuse)
    if chosen.engine is None:
        return recognizer.predict_many(utterances, progress=report.step, long=long)
    settings = recognizer.predictor.preparation.audio
    pairs = with_words(utterances, chosen.engine, chosen.asked.language, settings.rate if settings else 0, long)
    return recognizer.predict_clips(pairs, progress=report.step, long=long)


def _composed(recognizer: EmotionRecognizer, job: Job, chosen: Choosing) -> Timeline:
    """Return the timeline of a recording, or of one channel of it.

    Raises:
        EmofuseError: there can be none.
    """
    from emofuse.errors import CorpusError

    recording = job.recording
    if recording.audio is None or recording.start or recording.end is not None:
        raise CorpusError(f"{job.id}: a timeline is of a whole recording, not of a text or a span")
    return recognizer.timeline(recording.audio, chosen.for_job(job))


def _shares(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    shares = {}
    for part in text.split(","):
        label, _, number = part.strip().partition("=")
        if label in shares:
            raise RecipeError(f"--priors: the label {label!r} stands there twice")
        try:
            shares[label] = float(number)
        except ValueError as error:
            raise RecipeError(f"--priors {part.strip()}: write it as label=share, such as happy=0.1") from error
    return shares
