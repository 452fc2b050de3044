"""The recogniser: utterances and recordings in, predictions, timelines and explanations out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from emofuse.errors import CheckpointError, ModalityError, RecipeError
from emofuse.inference.choice.chosen_models import ChosenModel, ModelName, open_chosen
from emofuse.inference.given_audio import RECORDING, GivenAudio, OpenedAudio, opened_audio
from emofuse.inference.predictor import Predictor, Progress
from emofuse.inference.relative import Collector, Decider, relative_parts
from emofuse.inference.timeline.compose import compose
from emofuse.inference.timeline.options import TimelineOptions
from emofuse.inference.timeline.whole_recording import predict_recording
from emofuse.inference.utterance_stream import LONGEST_UTTERANCE_SECONDS, LongRecordings, Pair
from emofuse.seal import seal
from emofuse.sound.speech_turns import SpeechGate
from emofuse.types import Prediction, RelativeTo, Skip, Timeline, Utterance
from emofuse.types.arrays import Float32Array

if TYPE_CHECKING:
    from emofuse.inference.explain.explanation import Explanation


class EmotionRecognizer:
    """Recognises emotion in utterances and in recordings; see `emofuse.load`.

    Args:
        predictor: the model, ready to predict.
        chosen: the model by its name, for explanations; None where it has none.
        folders: of the model, by what they are for.
    """

    def __init__(
        self, predictor: Predictor, chosen: ChosenModel | None = None, folders: Mapping[str, Path] | None = None
    ) -> None:
        self.predictor = predictor
        self.chosen = chosen
        self.folders = folders or {}

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the model, in order."""
        return self.predictor.labels

    @cached_property
    def gate(self) -> SpeechGate:
        """What tells speech from other sound."""
        return SpeechGate()

    def predict(
        self,
        audio: GivenAudio | None = None,
        text: str | None = None,
        strict: bool = False,
        any_sound: bool = False,
        language: str | None = None,
    ) -> Prediction:
        """Predict one utterance from its recording, its text, or both.

        The recording is a path, the bytes of a file, a file that is open in binary mode, a pair (samples, rate),
        or a mapping as in `transformers` ({"array": samples, "sampling_rate": rate}). Samples are (n,),
        (n, channels) or (channels, n): floating-point numbers in [-1, 1], or int16, int32 or uint8. Channels are
        averaged.

        A recording of more than 30 s is cut into segments of speech; its prediction is the mean of theirs,
        weighted by their seconds, and says so under `segments`. A damaged recording is used as far as it decodes,
        and the prediction says so under `damaged`; with `strict` it is refused. Sound that is no speech, such as a
        tone, music or noise, has no label (`speech` is False), unless `any_sound` is set.

        A text in a language that the model does not know is left out where there is sound, and the prediction says
        so under `text_unused`; `language` states what it is in, else letters and words tell, if they are plain.

        Raises:
            AudioError: the recording cannot be used.
            ModalityError: the model needs a modality that is missing.
        """
        if audio is None and text is None:
            raise ModalityError("there is nothing to predict: give audio, text or both")
        one = self._refusing_damage() if strict else self
        long = one.long_recordings(any_sound=any_sound)
        with opened_audio(audio) as opened:
            utterance = Utterance(_name(opened), audio=opened.path, text=text, language=language)
            prediction = one.predictor.predict_one(utterance, long)
        return replace(prediction, audio=None) if opened.in_memory else prediction

    def predict_many(
        self,
        utterances: Iterable[Utterance],
        strict: bool = False,
        progress: Progress | None = None,
        long: LongRecordings | None = None,
        relative_to: RelativeTo | None = None,
    ) -> Iterator[Prediction | Skip]:
        """Yield a prediction for each utterance, in order; a `Skip` with the reason where there can be none.

        Long recordings, and sound that is no speech, are taken as `predict` takes them. Works through a stream;
        see `predictor.Predictor.predict_clips`. With `relative_to`, all utterances are computed twice, see
        `relative`.

        Args:
            utterances: any number of them.
            strict: raise the first failure instead, and refuse damaged recordings.
            progress: called after each result with how many there are, and of how many seconds of sound.
            long: what happens to long recordings and to sound without speech, such as
                `long_recordings(any_sound=True)`; None takes the defaults. With `relative_to`, make none.
            relative_to: what predictions are relative to: "collection" (all of these utterances), "recording"
                (those of the same recording) or "speaker"; None for plain predictions.

        Raises:
            EmofuseError: an utterance cannot be predicted, and `strict` is set; or the model cannot give relative
                predictions.
        """
        one = self._refusing_damage() if strict else self
        if relative_to is not None:
            utterances = list(utterances)
            one = one.relative(relative_to, lambda first: first.predict_many(utterances))
        return one.predictor.predict_many(utterances, strict, progress, long or one.long_recordings())

    def relative(
        self, to: RelativeTo, first_pass: Callable[[EmotionRecognizer], Iterable[object]]
    ) -> EmotionRecognizer:
        """Return a recogniser whose predictions are relative to what a first pass has met.

        See `emofuse.inference.relative`. Predictions say under `relative_to` whether they are: groups of fewer
        than eight utterances, and utterances of unknown speakers, get plain ones. Do not use it where a speaker, a
        recording or the collection may show one emotion only: that emotion would be lost.

        Args:
            to: what predictions are relative to.
            first_pass: predicts, with the recogniser that it is given, everything that there is, and may throw it
                away. Long recordings are relative to themselves and their own speakers, unless to the collection.

        Raises:
            RecipeError: the model takes no sound, or there is nothing of that name to be relative to.
            CheckpointError: the model lacks what this needs.
        """
        if to not in get_args(RelativeTo):
            raise RecipeError(f"relative to {to}: choose one of {', '.join(get_args(RelativeTo))}")
        collector = Collector(to, relative_parts(self.predictor.folder, self.predictor.runtime.traits))
        for _ in first_pass(self._deciding(collector)):
            pass
        return self._deciding(collector.decision())

    def _deciding(self, decider: Decider) -> EmotionRecognizer:
        return EmotionRecognizer(replace(self.predictor, relative=decider), self.chosen, self.folders)

    def predict_clips(
        self,
        pairs: Iterable[Pair],
        strict: bool = False,
        progress: Progress | None = None,
        long: LongRecordings | None = None,
    ) -> Iterator[Prediction | Skip]:
        """Do what `predict_many` does, with sound at the model's rate that may be decoded already."""
        one = self._refusing_damage() if strict else self
        return one.predictor.predict_clips(pairs, strict, progress, long or one.long_recordings())

    def long_recordings(
        self,
        options: Callable[[Utterance], TimelineOptions] | None = None,
        seconds: float = LONGEST_UTTERANCE_SECONDS,
        any_sound: bool = False,
    ) -> LongRecordings:
        """Return how long recordings are predicted: from their segments of speech.

        Recordings without speech, of any length, have no label.

        Args:
            options: how one is cut; None takes the defaults.
            seconds: the longest that an utterance may be.
            any_sound: predict any sound, in windows where it is too long.
        """

        def predict(utterance: Utterance, path: Path) -> Prediction:
            default = TimelineOptions(words=utterance.text, language=utterance.language)
            chosen = options(utterance) if options else default
            if any_sound:
                chosen = replace(chosen, segmentation="windows")
            decider = self.predictor.relative
            if decider is not None and decider.to != "collection":
                if isinstance(decider, Collector):
                    return Prediction.without_speech(utterance)  # it is relative to itself alone
                chosen = replace(chosen, relative_to=decider.to)
            return predict_recording(self.predictor, utterance, path, chosen)

        return LongRecordings(predict, seconds, self.predictor.strict, None if any_sound else self.gate)

    def _refusing_damage(self) -> EmotionRecognizer:
        return EmotionRecognizer(replace(self.predictor, strict=True), self.chosen, self.folders)

    def embed(self, utterances: Iterable[Utterance]) -> Iterator[Float32Array]:
        """Yield the vector that the model decides from, (width,), for each utterance, in order.

        Raises:
            EmofuseError: an utterance cannot be used, or an exported model does not output its vectors.
        """
        return self._refusing_damage().predictor.embed(utterances)  # a vector carries no note

    def timeline(self, audio: str | Path, options: TimelineOptions | None = None) -> Timeline:
        """Return a recording's segments and their predictions; see `emofuse.inference.timeline.compose`."""
        return compose(self.predictor, Path(audio), options)

    def explain(
        self,
        audio: str | Path | None = None,
        text: str | None = None,
        label: str | None = None,
        language: str | None = None,
    ) -> Explanation:
        """Return what in sound and text led to a label; see `emofuse.inference.explain.explain`."""
        from emofuse.inference.explain.explain import explain

        if self.chosen is None:
            raise CheckpointError("this recogniser was not loaded by a name; explain one that was")
        return explain(self.chosen, audio, text, label, language=language)


def _name(opened: OpenedAudio) -> str:
    """Return the id of the only utterance."""
    if opened.path is None:
        return "text"
    return RECORDING if opened.in_memory else opened.path.stem or str(opened.path)


def load(
    model: ModelName = None,
    device: str | None = None,
    allow_missing: bool = False,
    priors: Mapping[str, float] | None = None,
    threads: int | None = None,
    strict: bool = False,
    sealed: bool = False,
    label_map: Mapping[str, str] | None = None,
) -> EmotionRecognizer:
    """Load a model, ours or of others, and its calibration if it has one.

    Args:
        model: a model folder, an exported one, or a run folder with a model in it; the name of a model in the box
            ("box", "box-open"); or a model on the Hub, as owner/name or owner/name@revision. A model of others is
            an audio or text classification model of `transformers`. {"audio": ..., "text": ...} takes two
            together; a `ChosenModel` says more. None takes the default one in the box. An exported one needs no
            torch.
        device: where torch computes; None takes a GPU where there is one. Exported models compute on processors.
        allow_missing: predict with a modality missing even if the model was not trained for that.
        priors: label -> its frequency where the model is used, if other than in training.
        threads: how many compute at once; None takes the processors that are there.
        strict: refuse damaged recordings, which are else used as far as they decode.
        sealed: from now on and for good, let this process open no socket, see `emofuse.seal`.
        label_map: what labels of a model of others are called here, beyond known spellings; an empty string
            leaves a label out.

    Raises:
        RecipeError: the priors or the label map do not fit the model, or `threads` is no number of threads.
        CheckpointError: there is no such model, or it is not whole.
        MissingExtraError: the folder needs torch, and that is not installed.
    """
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise RecipeError(f"threads {threads!r}: give how many compute at once, 1 or more")
    if sealed:
        seal()
    chosen = ChosenModel.of(model)
    opened = open_chosen(replace(chosen, label_map=label_map) if label_map else chosen, device, threads)
    predictor = replace(opened.predictor.adapted(allow_missing, priors), strict=strict)
    return EmotionRecognizer(predictor, chosen, opened.folders)
