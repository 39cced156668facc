"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable

import click

from .. import backends, run
from ..initializers import INITIALIZERS
from ..schedules import SCHEDULES

DEFAULTS = run.Settings()


def _options(*options: Callable) -> Callable:
    """Several options as one decorator, in the order given."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


size_options = _options(
    click.option("--dendrites", type=int, default=DEFAULTS.dendrites, help="Dendrites per soma."),
    click.option("--somata", type=int, default=DEFAULTS.somata, help="Somata per layer."),
    click.option("--synapses", type=int, default=DEFAULTS.synapses, help="Synapses per dendrite."),
    click.option("--layers", type=int, default=DEFAULTS.layers, help="Dendrosomatic layers."),
    click.option("--exact", is_flag=True, help="Random synapses: not on average, but exactly."),
)
learning_options = _options(
    click.option("--epochs", type=int, help="Epochs in all.  [default: the paper's]"),
    click.option("--batch-size", type=int, default=DEFAULTS.batch_size, help="Images in a step."),
    click.option("--learning-rate", type=float, default=DEFAULTS.learning_rate, help="Adam's."),
    click.option("--schedule", default=DEFAULTS.schedule, help=f"One of {', '.join(SCHEDULES)}."),
    click.option("--weight-decay", type=float, default=DEFAULTS.weight_decay, help="AdamW's."),
    click.option("--dropout", type=float, default=DEFAULTS.dropout, help="Rate, hidden layers."),
    click.option(
        "--initializer", default=DEFAULTS.initializer, help=f"One of {', '.join(INITIALIZERS)}."
    ),
    click.option("--patience", type=int, help="Early stopping, in epochs.  [default: none]"),
    click.option("--sequential", is_flag=True, help="One class after the other, not shuffled."),
    click.option("--noise", type=float, default=DEFAULTS.noise, help="Sigma, on all images."),
    click.option("--seed", type=int, default=DEFAULTS.seed, help="Of everything random."),
)
backend_options = _options(
    click.option("--backend", default="auto", help=f"One of {', '.join(backends.BACKENDS)}."),
    click.option("--threads", type=int, help="Threads to compute with.  [default: all cores]"),
)
json_option = click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
