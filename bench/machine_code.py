"""What the compiler makes of the kernels that read rows: ``python -m bench.machine_code``.

A warp is to ask for eight rows before it uses the first. The compiler lets it if registers suffice:
64 a thread where a multiprocessor holds four blocks, 80 where it holds three. Whether they do is
read from the machine code, of NVRTC with CuPy's options, without a device. What a step's kernels
can then be expected to take stands beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sparsedend.backends.gpu import program

from . import cubins, machine, sass
from .works import CLASSES, Dendritic

ARCHITECTURES = (80, 90, 100)
#: What the kernels below stand in.
HEADERS = ("types.cuh", "rows.cuh", "totals.cuh", "losses.cuh")
FILES = (*HEADERS, "sparse.cu", "dense.cu", "dendritic.cu")


class Kind(NamedTuple):
    """What a kernel does with rows.

    Attributes
    ----------
    stored : bool
        Whether it reads them as activations are stored; those of gradients are read in full.
    dots : bool
        Whether it makes dot products of them, which takes more registers, or adds them up.
    group : int
        How many are to be loaded before the first is used.
    """

    stored: bool
    dots: bool
    group: int = program.GROUP

    @property
    def resident(self) -> int:
        """Blocks that a multiprocessor is to hold."""
        return program.DOTS_RESIDENT if self.dots else program.RESIDENT


FORWARD, DOTS, GATHER = Kind(True, False), Kind(True, True), Kind(False, False)
#: All that read them from memory; those of names that go on with ``_pixels`` are of the same kind.
KINDS = {
    "sparse_forward": FORWARD,
    "sparse_weight_gradient": DOTS,
    "sparse_input_gradient": GATHER,
    "sparse_input_gradient_shared": GATHER,
    "dendritic_forward": FORWARD,
    "dendritic_backward": DOTS,
    "dense_dendritic_backward": DOTS,
    "softmax_dense_dendritic_backward": DOTS,
    "dendritic_input_gradient": GATHER._replace(group=program.GROUP // 2),
    "dendritic_input_gradient_shared": GATHER._replace(group=program.GROUP // 2),
    "dense_forward": FORWARD,
    "dense_slices": FORWARD,
    "dense_weight_gradient": DOTS,
    "dense_backward": DOTS._replace(stored=False),
    "dense_input_gradient": GATHER,
}
WORKS = (
    Dendritic(784, 4, 128),
    Dendritic(784, 16, 256),
    Dendritic(784, 64, 512),
    Dendritic(3072, 64, 16384),
)


class Kernel(NamedTuple):
    """What was read of a kernel.

    Attributes
    ----------
    registers : int
        Of a thread.
    spilled : int
        Bytes of a thread's that lie in memory for want of registers.
    instructions : int
        Of the inner loop, for each group of rows.
    in_flight : int
        Rows that are loaded in it before the first is used.
    rest : int
        The same after the loop, where rows are added up that make no whole group.
    """

    registers: int
    spilled: int
    instructions: int
    in_flight: int
    rest: int

    @property
    def resident(self) -> int:
        """Blocks that a multiprocessor has registers for, which it gives out by eights."""
        return 65536 // (-(-self.registers // 8) * 8 * program.THREADS)


class Device(NamedTuple):
    """A GPU's figures: multiprocessors, Hz, bytes a second and seconds of a load from L2."""

    name: str
    multiprocessors: int
    clock: float
    l2_rate: float
    l2_latency: float


#: Taken for true until a device is measured: NVIDIA's figures, and about what others found of L2.
H100 = Device("H100 SXM", 132, 1.98e9, 5.5e12, 0.16e-6)


class Launch(NamedTuple):
    """One kernel of a step.

    Attributes
    ----------
    kernel : str
    blocks : int
    rounds : int
        Groups of rows that a warp loads one after the other.
    groups : int
        Of all warps.
    bytes : int
        Of the rows, and of the indices and weights that belong to them.
    chain : int
        Loads that wait for one another within a group.
    """

    kernel: str
    blocks: int
    rounds: int
    groups: int
    bytes: int
    chain: int


def read(stored: str, architecture: int) -> dict[str, Kernel]:
    """Compile the kernels, for activations that are stored so, and read their machine code.

    Raises
    ------
    ImportError
        Where NVRTC or nvdisasm is missing.
    """
    cubins.nvdisasm()  # It may be missing, and compiling takes long.
    cubin, log = cubins.compiled(program.text(FILES), program.OPTIONS[stored], architecture)
    taken, codes = sass.resources(log), sass.kernels(cubins.disassembled(cubin))
    names = [name for kind in KINDS for name in (kind, f"{kind}_pixels") if name in codes]
    return {
        name: _kernel(kind_of(name), taken[name], codes[name], _row_bits(name, stored))
        for name in names
    }


def kind_of(name: str) -> Kind:
    """What the kernel of a name does."""
    return KINDS[name.removesuffix("_pixels")]


def _row_bits(name: str, stored: str) -> int:
    """Bits of a row that a lane loads at once."""
    half = name.endswith("_pixels") or (stored == "float16" and kind_of(name).stored)
    return 64 if half else 128


def _kernel(kind: Kind, taken: sass.Resources, code: sass.Code, bits: int) -> Kernel:
    # Of loops that load as many, the last: what a kernel does first is another's work besides.
    loops = reversed([*sass.loops(code)])
    start, stop = max(loops, key=lambda span: sass.loads(code.within(*span), bits))
    body = code.within(start, stop)
    groups = max(1, sass.loads(body, bits) // kind.group)
    rest = sass.in_flight(code.within(stop, len(code.instructions)), bits)
    return Kernel(*taken, len(body) // groups, sass.in_flight(body, bits), rest)


def launches(work: Dendritic) -> Iterator[Launch]:
    """The kernels of a step that read rows, and the input gradient of such a block upon another."""
    group, warps = program.GROUP, program.WARPS
    tiles = _blocks(work.batch, 4 * program.WARP)
    row, pixels = 16 * program.WARP * tiles, 8 * program.WARP * tiles
    size, somata, each = work.size, work.somata, _blocks(work.synapses, group)
    rounds, synapses = _blocks(work.dendrites, warps) * each, work.connections
    forward = somata * tiles, rounds, size * each * tiles, synapses * (pixels + 8), 2
    yield Launch("dendritic_forward_pixels", *forward)
    inputs, classes = _blocks(somata, group), _blocks(CLASSES, group)
    waits = _blocks(tiles + classes, warps) * max(tiles, classes) + rounds * tiles
    groups, logits = forward[2] + 2 * somata * classes * tiles, CLASSES * somata * (row + 4)
    name, moved = "dense_dendritic_backward_pixels", synapses * (pixels + 8)
    if somata <= program.MOST_LOSSES and tiles == 1:  # Logits twice, an index, its label.
        yield Launch(f"softmax_{name}", somata, waits + 2, groups, moved + logits, 2)
    else:
        yield Launch(name, somata, waits, groups, moved + 2 * logits, 2)
    an_input, name = _blocks(synapses, somata), "dendritic_input_gradient_shared"
    fewer = kind_of(name).group
    rounds = _blocks(an_input, group * warps) * group // fewer
    groups = somata * _blocks(an_input, fewer) * tiles
    yield Launch(name, somata * tiles, rounds, groups, synapses * (row + 16), 3)
    dense = CLASSES * inputs * tiles, CLASSES * somata * (row + 4), 1
    slices = _blocks(somata, program.SLICE)
    name, most = ("dense_slices", program.SLICE) if slices > 1 else ("dense_forward", somata)
    yield Launch(name, CLASSES * slices * tiles, _blocks(most, group * warps), *dense)


def _blocks(size: int, each: int) -> int:
    return -(-size // each)


def seconds(launch: Launch, kernel: Kernel, device: Device) -> dict[str, float]:
    """What a launch takes at least, by what limits it: bytes, instructions, waiting for loads."""
    waves = _blocks(launch.blocks, device.multiprocessors * kernel.resident)
    schedulers = 4 * device.multiprocessors
    return {
        "bytes": launch.bytes / device.l2_rate,
        "instructions": launch.groups * kernel.instructions / (schedulers * device.clock),
        "waiting": waves * launch.rounds * launch.chain * device.l2_latency,
    }


def page(found: dict[tuple[str, int], dict[str, Kernel]]) -> list[str]:
    """Paragraphs, from what was read by storage and architecture."""
    parts = ["# Machine code of the kernels that read rows", __doc__ or ""]
    for stored in program.OPTIONS:
        by = [found[stored, each] for each in ARCHITECTURES]
        rows = [
            [name, *(_cell(each[name]) for each in by), _meant(kind_of(name))] for name in by[0]
        ]
        header = ["kernel", *(f"sm_{each}" for each in ARCHITECTURES), "meant"]
        parts += [f"## Activations stored as {stored}", machine.table(header, rows)]
    parts.append(
        "In each cell: rows in flight in the inner loop, and after it where a rest is added up, of "
        "registers a thread; instructions of the loop for each group of rows; bytes that are "
        "spilled, if any are."
    )
    return [*parts, "## What a step is expected to take", _expected(found["float32", 90])]


def _cell(kernel: Kernel) -> str:
    rest = f" + {kernel.rest}" if kernel.rest > 1 else ""
    spilled = f"; {kernel.spilled} bytes spilled" if kernel.spilled else ""
    return f"{kernel.in_flight}{rest} of {kernel.registers}; {kernel.instructions}{spilled}"


def _meant(kind: Kind) -> str:
    most = 65536 // (kind.resident * program.THREADS) // 8 * 8
    return f"{kind.group} of {most}"


def _expected(kernels: dict[str, Kernel]) -> str:
    rows = []
    for work in WORKS:
        for launch in launches(work):
            limits = seconds(launch, kernels[launch.kernel], H100)
            most = max(limits, key=lambda name: limits[name])
            rows.append(
                [
                    f"D={work.dendrites}, S={work.somata}, {work.inputs} inputs",
                    launch.kernel,
                    f"{launch.bytes / 1e6:.3g}",
                    *(f"{each * 1e6:.3g}" for each in limits.values()),
                    f"{limits[most] * 1e6:.3g} ({most})",
                ]
            )
    limits_of = ["bytes µs", "instructions µs", "waiting µs"]
    table = machine.table(["work", "kernel", "MB", *limits_of, "at least µs"], rows)
    said = (
        f"Assumed of an {H100.name}: {H100.multiprocessors} multiprocessors at "
        f"{H100.clock / 1e9} GHz, an L2 cache that gives {H100.l2_rate / 1e12} TB/s, each load "
        f"after {H100.l2_latency * 1e9:.0f} ns. Batches of 128, 16 synapses a dendrite. Counted "
        "are rows, indices and weights, as if L1 caches kept none of them; the time is the largest "
        "of what the bytes take, what the instructions of the inner loops take and what a warp "
        "waits for its loads, without the launch. `python -m bench.gpu kernels` measures it."
    )
    return f"{said}\n\n{table}"


def main() -> None:
    """Read all of it and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=machine.RESULTS, help="folder")
    output = parser.parse_args().output
    found = {
        (stored, each): read(stored, each) for stored in program.OPTIONS for each in ARCHITECTURES
    }
    facts = machine.facts()
    facts = {name: facts[name] for name in ("date", "commit", "command")}
    compilers = {"compiler": f"NVRTC {cubins.version()}, {' '.join(cubins.CUPY)}"}
    machine.keep(output, "gpu-machine-code", *page(found), machine.lines(compilers | facts))


if __name__ == "__main__":
    main()
