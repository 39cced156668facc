"""What machine code tells of a kernel: registers, spills, loops, and loads that are in flight.

A warp stops at the first instruction that reads what a load has not brought yet. So the loads that
stand before it, in a loop's body, are those that are in flight together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

SECTION = re.compile(r"^\.text\.(\w+):")
LABEL = re.compile(r"^(\.L\w+):")
INSTRUCTION = re.compile(r"^\s*/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([\w.]+)\s*(.*?)\s*;")
TARGET = re.compile(r"`\((\.L\w+)\)")
REGISTER = re.compile(r"\bR(\d+)\b")
#: In ptxas's words, of one kernel.
RESOURCES = re.compile(
    r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, "
    r"(\d+) bytes spill loads.*?Used (\d+) registers",
    re.S,
)


class Resources(NamedTuple):
    """What a thread of a kernel takes: registers, and bytes of memory for want of more."""

    registers: int
    spilled: int


class Instruction(NamedTuple):
    """Its name with what modifies it, its operands, and the label that it may go to."""

    name: str
    operands: str
    target: str | None

    @property
    def load_bits(self) -> int:
        """Of a load from global memory, to each lane; 0 of any other instruction."""
        if not self.name.startswith("LDG"):
            return 0
        wide = re.search(r"\.(64|128)\b", self.name)
        return int(wide.group(1)) if wide else 32

    @property
    def registers(self) -> list[int]:
        """Numbers of the registers among its operands, in order."""
        return [int(number) for number in REGISTER.findall(self.operands)]


class Code(NamedTuple):
    """A kernel's instructions, and the position that each label stands before."""

    instructions: list[Instruction]
    labels: dict[str, int]

    def within(self, start: int, stop: int) -> list[Instruction]:
        """Those from a position up to another."""
        return self.instructions[start:stop]


def resources(log: str) -> dict[str, Resources]:
    """What each kernel takes, by name, from what ptxas said of them with ``--verbose``."""
    return {
        name: Resources(int(registers), int(stack) + int(stores) + int(loads))
        for name, stack, stores, loads, registers in RESOURCES.findall(log)
    }


def kernels(text: str) -> dict[str, Code]:
    """Code of each kernel, by name, from what nvdisasm printed."""
    found: dict[str, Code] = {}
    code = Code([], {})
    for line in text.splitlines():
        if section := SECTION.match(line):
            code = found[section.group(1)] = Code([], {})
        elif label := LABEL.match(line):
            code.labels[label.group(1)] = len(code.instructions)
        elif instruction := INSTRUCTION.match(line):
            name, operands = instruction.groups()
            target = TARGET.search(operands)
            code.instructions.append(
                Instruction(name, operands, target.group(1) if target else None)
            )
    return found


def loops(code: Code) -> Iterator[tuple[int, int]]:
    """Where the bodies of the innermost loops begin and end, in order."""
    spans = []
    for stop, each in enumerate(code.instructions):
        if each.name.startswith("BRA") and each.target is not None:
            start = code.labels[each.target]
            if start < stop:  # What goes to itself ends the program text.
                spans.append((start, stop + 1))
    for start, stop in spans:
        if not any(start <= a and b <= stop and (a, b) != (start, stop) for a, b in spans):
            yield start, stop


def loads(instructions: Sequence[Instruction], bits: int) -> int:
    """How many loads of so many bits there are."""
    return sum(each.load_bits == bits for each in instructions)


def in_flight(instructions: Sequence[Instruction], bits: int) -> int:
    """Loads of so many bits before the first instruction that reads what one of them brings."""
    brought: set[int] = set()
    count = 0
    for each in instructions:
        used = each.registers
        if each.load_bits == bits:
            first, *address = used
            if brought & set(address):
                break
            count += 1
            brought |= set(range(first, first + bits // 32))
        elif brought & set(used):
            break
    return count
