"""What share of the machine's own rates the loops of a step reach, on a CPU and on a GPU.

Counted is what a loop must read and write if nothing is kept nearer than the L2 cache: for a
synapse one value of its input's row for each sample and pass, in bfloat16 where the input is an
image and in float32 elsewhere, with a multiply-add each. The ceilings are measured beside them: the
L2 cache, in which a batch lies, on a CPU the multiply-add unit, and on a GPU memory, for vectors
that are larger than the cache. A share above 100 % says that L1 caches served some of it.
"""

from __future__ import annotations

from pathlib import Path

from sparsedend import backends

from . import machine, picture, store
from .contestants.ours import Loop, loops
from .options import Options
from .works import Dendritic, Layer

WORKS = {
    "roofline": (
        Dendritic(784, 4, 128),
        Dendritic(784, 16, 256),
        Dendritic(784, 64, 512),
        Layer(3072, 1024, 0.01),
        Layer(3072, 1024, 0.1),
    ),
    "gpu-kernels": (
        Dendritic(784, 16, 256),
        Dendritic(784, 64, 512),
        Dendritic(3072, 64, 4096, batch=256),
    ),
}
#: What is counted: the fact that has its ceiling, its unit, and a share of it.
COUNTED = {
    "multiply_adds": ("multiply_adds_per_second", "10⁹ multiply-adds/s", "of the rate"),
    "bytes": ("l2_bytes_per_second", "GB/s", "of L2"),
    "memory_bytes": ("memory_bytes_per_second", "GB/s in memory", "of memory"),
}


def measure(name: str, options: Options) -> None:
    """Time every loop, and keep its rates and the ceilings."""
    on_gpu = name == "gpu-kernels"
    backend = backends.create("cupy" if on_gpu else "numba", options.threads)
    facts = machine.facts() | {"threads": str(options.threads)}
    if on_gpu:
        from . import device

        facts |= device.facts()
        limits = device.ceilings()
    else:
        from . import ceilings

        limits = ceilings.ceilings(options.threads)
    facts |= {COUNTED[each][0]: repr(rate) for each, rate in limits.items()}
    columns: store.Columns = {each: [] for each in ("work", "loop", "seconds", *limits)}
    repeats = 20 if options.quick else 100
    for work in WORKS[name][: 2 if options.quick else None]:
        with backend.limited():
            for loop, each in loops(work, backend).items():
                if on_gpu:
                    seconds = device.seconds(each.run, repeats)
                    in_memory = each.vectors and device.in_memory(each.bytes)
                else:
                    seconds, in_memory = ceilings.seconds(each.run, repeats), False
                entry = (_label(work), loop, seconds, *_counted(each, limits, in_memory))
                for column, value in zip(columns.values(), entry, strict=True):
                    column.append(value)
        store.save(options.output, name, columns, facts)


def section(name: str, output: Path) -> str:
    """Table and picture of what `measure` kept; LookupError where there is nothing."""
    columns, facts = store.load(output, name)
    limits = {each: float(facts.pop(fact)) for each, (fact, *_) in COUNTED.items() if fact in facts}
    rows = []
    for number, seconds in enumerate(columns["seconds"]):
        row = [columns["work"][number], columns["loop"][number], f"{seconds * 1e6:.3g}"]
        for each, limit in limits.items():
            rate = columns[each][number] / seconds
            row += [f"{rate / 1e9:.3g}", f"{rate / limit:.0%}"] if rate else ["", ""]
        rows.append(row)
    units = [unit for each in limits for unit in COUNTED[each][1:]]
    parts = [
        f"## {name}",
        __doc__ or "",
        "Measured ceilings: "
        + ", ".join(f"{limit / 1e9:.4g} {COUNTED[each][1]}" for each, limit in limits.items())
        + ".",
        machine.table(["work", "loop", "µs", *units], rows),
    ]
    if "multiply_adds" in limits:
        path = store.folder(output) / f"{name}.svg"
        ceilings = limits["bytes"], limits["multiply_adds"]
        parts += picture.drawn(path, picture.roofline, _points(columns), *ceilings)
    return "\n\n".join([*parts, machine.lines(facts)])


def _counted(loop: Loop, limits: dict[str, float], in_memory: bool) -> list[int]:
    """What a loop does of all that there are ceilings for."""
    found = {"multiply_adds": loop.multiply_adds, "bytes": 0, "memory_bytes": 0}
    found["memory_bytes" if in_memory else "bytes"] = loop.bytes
    return [found[each] for each in limits]


def _points(columns: store.Columns) -> list[tuple[str, float, float]]:
    """What multiplies: its name, multiply-adds a byte and a second."""
    rows = zip(
        *(columns[name] for name in ("work", "loop", "seconds", "multiply_adds", "bytes")),
        strict=True,
    )
    return [
        (f"{work}: {loop}", count / size, count / seconds)
        for work, loop, seconds, count, size in rows
        if count
    ]


def _label(work: Dendritic | Layer) -> str:
    if isinstance(work, Layer):
        return f"{work.inputs} → {work.outputs}, density {work.density}"
    batch = "" if work.batch == 128 else f", batch {work.batch}"
    return f"D={work.dendrites}, S={work.somata}{batch}"
