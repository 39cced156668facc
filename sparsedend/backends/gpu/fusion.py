"""Kernels of a step that follow one another and are done by one: each costs a launch and a wait.

Only steps of the package's own parts are looked at. What they launch is noted, and where a few
kernels stand in `RULES` one after the other, and work on the same arrays as they do there, another
one does what all of them would: it leaves the same in every array. All else stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..types import Array, Pass
from .launch import Launch, noted, tiles
from .program import MOST_CLASSES, MOST_LOSSES


def fused(step: Pass) -> Pass:
    """The step, in fewer kernels."""

    def in_fewer(samples: Array, order: Array, rates: Any, random: Any) -> Any:
        with noted(joined):
            return step(samples, order, rates, random)

    return in_fewer


def joined(launches: list[Launch]) -> list[Launch]:
    """Launches that do the same as these, by the first rule that fits wherever one does."""
    made, at = [], 0
    while at < len(launches):
        one, taken = _first(launches[at:])
        made.append(one)
        at += taken
    return made


def _first(launches: list[Launch]) -> tuple[Launch, int]:
    """What is launched first, and in place of how many."""
    for rule in RULES:
        given = launches[: len(rule.kernels)]
        if tuple(each.name.removesuffix("_pixels") for each in given) == rule.kernels:
            one = rule.join(*given)
            if one is not None:
                return one, len(given)
    return launches[0], 1


class Rule(NamedTuple):
    """What may be joined.

    Attributes
    ----------
    kernels : tuple of str
        Names in order, without ``_pixels``.
    join : callable
        Given their launches, the one in their place; None where the arrays are others.
    """

    kernels: tuple[str, ...]
    join: Callable[..., Launch | None]


def _dense_backward(of_weights: Launch, of_inputs: Launch) -> Launch | None:
    """Both gradients of a dense layer, of which an input's are done by a block."""
    x, delta, inputs, width, gw, gb = of_weights.arguments
    w, same_delta, outputs, _, _, out = of_inputs.arguments
    if same_delta is not delta:
        return None
    arguments = (x, w, delta, outputs, inputs, width, out, gw, gb)
    return Launch(of_weights.dtype, "dense_backward", (inputs,), arguments)


def _dense_dendritic_backward(
    of_weights: Launch, of_inputs: Launch, of_somata: Launch
) -> Launch | None:
    """The same of a dense layer upon somata, each of which is such an input: its block goes on."""
    above = _dense_backward(of_weights, of_inputs)
    if above is None:
        return None
    x, w, delta, outputs, inputs, _, out, gw, gb = above.arguments
    *_, of_soma, _, delta_of_soma, _, _, _, _ = of_somata.arguments
    if x is not of_soma or out is not delta_of_soma:
        return None
    arguments = (*of_somata.arguments, w, delta, outputs, inputs, gw, gb)
    return of_somata._replace(name=f"dense_{of_somata.name}", arguments=arguments)


def _softmax_backward(loss: Launch, *backward: Launch) -> Launch | None:
    """The loss of a batch of one tile, which of float64 none is, by each block of what follows."""
    join = _dense_backward if len(backward) == 2 else _dense_dendritic_backward
    after = join(*backward)
    *given, classes, _, delta, totals = loss.arguments
    if after is None or delta is not backward[0].arguments[1]:
        return None
    if tiles(delta) > 1 or classes > MOST_CLASSES or after.grid[0] > MOST_LOSSES:
        return None
    return after._replace(
        name=f"softmax_{after.name}", arguments=(*after.arguments, *given, totals)
    )


#: Of two that fit, the first is taken.
RULES = (
    Rule(
        (
            "softmax_cross_entropy",
            "dense_weight_gradient",
            "dense_input_gradient",
            "dendritic_backward",
        ),
        _softmax_backward,
    ),
    Rule(
        ("softmax_cross_entropy", "dense_weight_gradient", "dense_input_gradient"),
        _softmax_backward,
    ),
    Rule(
        ("dense_weight_gradient", "dense_input_gradient", "dendritic_backward"),
        _dense_dendritic_backward,
    ),
    Rule(("dense_weight_gradient", "dense_input_gradient"), _dense_backward),
)
