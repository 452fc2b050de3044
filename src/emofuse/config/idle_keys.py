"""Keys of a recipe that do nothing beside its other keys."""

from __future__ import annotations

from collections.abc import Iterator

from emofuse.config.recipe import Recipe, TrainingRecipe


def idle_keys(recipe: Recipe) -> tuple[str, ...]:
    """Return a sentence for each key that has no effect, or one that nobody would ask for, and how to mend it."""
    return (*_of_encoders(recipe), *_of_epochs(recipe), *_of_losses(recipe))


def _of_encoders(recipe: Recipe) -> Iterator[str]:
    training, encoders = recipe.training, (recipe.audio, recipe.text)
    trained = any(encoder.tuning != "frozen" for encoder in encoders)
    if training.encoders_held and not trained:
        yield "training.encoders_held does nothing where both encoders are frozen; leave it out"
    elif training.encoders_held >= training.epochs:
        yield (
            f"training.encoders_held: {training.encoders_held} of {training.epochs} epochs, so that the encoders "
            "are not trained at all; lower it, or set their tuning to frozen"
        )
    if training.mix_lr is not None and all(
        encoder.layers == "last" or isinstance(encoder.layers, int) for encoder in encoders
    ):
        yield "training.mix_lr does nothing where no encoder mixes layers; set layers: weighted, or leave it out"
    for name, encoder in (("audio", recipe.audio), ("text", recipe.text)):
        if recipe.pooling == "layers" and encoder.frame_norm != "none":
            yield (
                f"{name}.frame_norm does nothing with pooling: layers, where no layer of the fusion gets frames; "
                "leave it out"
            )


def _of_epochs(recipe: Recipe) -> Iterator[str]:
    training = recipe.training
    default = TrainingRecipe.model_fields["averaged_epochs"].default
    if training.averaged_epochs != default and recipe.selection == "best":
        yield "training.averaged_epochs does nothing with selection: best, which keeps one epoch; leave it out"
    elif training.averaged_epochs != default and training.ema is not None:
        yield "training.averaged_epochs does nothing beside training.ema, which averages all steps; leave one out"
    elif recipe.selection == "fixed" and training.ema is None and 1 < training.epochs <= training.averaged_epochs:
        yield (
            f"training.averaged_epochs: {training.averaged_epochs} averages all {training.epochs} epochs, the "
            "first one too; lower it, or train for longer"
        )
    if training.patience is not None and training.patience >= training.epochs:
        yield (
            f"training.patience: {training.patience} never ends a training of {training.epochs} epochs; lower it, "
            "or leave it out"
        )
    if training.joint_epochs is not None and training.start == "scratch":
        yield "training.joint_epochs does nothing with start: scratch; set start: unimodal, or leave it out"


def _of_losses(recipe: Recipe) -> Iterator[str]:
    training = recipe.training
    if (
        not recipe.dimensions
        and training.dimension_weight != TrainingRecipe.model_fields["dimension_weight"].default
    ):
        yield "training.dimension_weight does nothing without dimensions; name them, or leave it out"
    if not recipe.dimensions and training.dimension_loss != "squared":
        yield "training.dimension_loss does nothing without dimensions; name them, or leave it out"
    if recipe.multi_label and training.soft_labels:
        yield "training.soft_labels does nothing with multi_label, which has targets of its own; leave it out"
