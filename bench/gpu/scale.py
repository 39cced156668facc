"""Size: 3,072 inputs, batch 256, 64 dendrites a soma, more and more somata; µs of a whole step.

Memory is what a contestant has on the device: parameters, gradients, Adam's moments, structures or
masks, activations. Dense matrices are left out where they no longer fit.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from statistics import median

from .. import machine
from .contestants import Ours, Problem, Torch, check_equal
from .device import wall_seconds

SOMATA = (512, 1024, 4096, 16_384, 32_768)
#: The largest that PyTorch is asked to do, and what ours must reach there: speed, memory.
LARGEST_DENSE, GOALS = 4096, (12, 50)
ROUNDS = 3


def report(
    somata: Sequence[int] = SOMATA, dendrites: int = 64, inputs: int = 3072, steps: int = 50
) -> str:
    """Measure, and return Markdown."""
    rows, verdicts, times = [], [], {}
    for size in somata:
        problem = Problem(inputs, dendrites, size, 256)
        ours = Ours(problem)
        theirs = their_memory = None
        if size <= LARGEST_DENSE:
            theirs, their_memory = _dense(problem, ours, max(3, steps // 10))
        seconds, memory = _measured(ours, steps), ours.bytes
        times[size] = seconds
        line = [f"{size:,}", f"{size * dendrites:,}", f"{ours.network.size:,}"]
        line += [f"{seconds * 1e6:,.0f}", f"{memory / 1e9:.3f}"]
        if theirs is not None:
            line += [f"{theirs * 1e6:,.0f}", f"{theirs / seconds:.1f}"]
            line += [f"{their_memory / 1e9:.3f}", f"{their_memory / memory:.0f}"]
            if size == LARGEST_DENSE:
                reached = theirs / seconds >= GOALS[0] and their_memory / memory >= GOALS[1]
                verdicts.append(
                    f"At {size:,} somata {theirs / seconds:.1f}× faster (goal {GOALS[0]}), "
                    f"{their_memory / memory:.0f}× less memory (goal {GOALS[1]}): "
                    f"{'reached' if reached else 'MISSED'}."
                )
        else:
            line += ["", "", "", ""]
        rows.append(line)
        del ours
        gc.collect()
    small, large = sorted(times)[-2:]
    longer = times[large] / times[small]
    verdicts.append(f"{large / small:.1f} times the somata take {longer:.2f} times as long.")
    header = [
        *("somata", "dendrites", "parameters", "µs per step", "GB"),
        *("PyTorch, graph", "times ours", "its GB", "times ours"),
    ]
    return "\n\n".join([f"# Size on a GPU\n\n{__doc__}", machine.table(header, rows), *verdicts])


def _measured(contestant: Ours | Torch, steps: int) -> float:
    contestant.steps(steps)
    return median(wall_seconds(contestant.steps, steps) for _ in range(ROUNDS))


def _dense(problem: Problem, ours: Ours, steps: int) -> tuple[float, int]:
    """Seconds and bytes of PyTorch, TF32 on, in a graph where there is a device."""
    import torch

    on_device = torch.cuda.is_available()
    theirs = Torch(problem, "graph" if on_device else "eager", tf32=True)
    check_equal([ours, theirs])
    found = _measured(theirs, steps), theirs.bytes
    del theirs
    gc.collect()
    if on_device:
        torch.cuda.empty_cache()
    return found
