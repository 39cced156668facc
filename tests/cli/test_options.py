"""The words of the command line: its options are the settings, its messages name options."""

import ast
import re

import click
import pytest

from sparsedend.backends import BACKENDS
from sparsedend.cli.main import cli
from sparsedend.cli.options import in_options
from sparsedend.models import MODELS
from sparsedend.settings import PRESETS, SETTINGS
from tests.cli.commands import invoked
from tests.conftest import ROOT


def commands(group=cli):
    """All commands, with those of groups."""
    for command in group.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from commands(command)


def options(name):
    """Options of a command, by the name of their parameter."""
    return {each.name: each for each in cli.commands[name].params if isinstance(each, click.Option)}


def test_every_setting_is_an_option_of_train():
    found = options("train")
    for name, known in SETTINGS.items():
        if name == "model":
            continue
        option = found.pop(name)
        assert option.opts == [known.option]
        assert option.is_flag == (known.kind is bool)
        assert option.is_flag or option.default == known.default
        assert (
            option.type.name
            == {bool: "boolean", int: "integer", float: "float", str: "text"}[known.kind]
        )
        assert option.help.startswith(known.words)
        assert all(choice in option.help for choice in known.choices)
    assert set(found) == {
        "preset",
        "backend",
        "threads",
        "output",
        "resume",
        "overwrite",
        "no_lock",
        "as_json",
    }
    (model,) = (each for each in cli.commands["train"].params if isinstance(each, click.Argument))
    assert (model.name, model.default) == ("model", SETTINGS["model"].default)


def test_sizes_are_options_of_info():
    sizes = {name for name, known in SETTINGS.items() if known.size}
    assert set(options("info")) == sizes | {"image_shape", "classes", "as_json"}
    assert sizes == {"dendrites", "somata", "synapses", "layers", "exact"}


def test_the_help_of_train_names_all_that_can_be_chosen():
    text = " ".join(invoked("train", "--help").stdout.split())
    assert f"MODEL is one of {', '.join(MODELS)}." in text
    assert f"One of {', '.join(BACKENDS)}." in text
    assert f"One of {', '.join(PRESETS)}." in text
    assert "--batch-size IMAGES Number of images in a step. [default: 128]" in text
    assert "[default: (as in the paper)]" in text
    assert "[default: (no early stopping)]" in text


@pytest.mark.parametrize("command", list(commands()), ids=lambda command: command.name)
def test_help_is_made_of_whole_sentences(command):
    texts = [each.help for each in command.params if isinstance(each, click.Option)]
    for text in [command.help, *(text for text in texts if text)]:
        text = text.strip()
        assert text[0].isupper(), text
        assert re.search(r"[.\]]$", text), text
        assert len(text.split()) > 2, text


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("give `resume=True` or another `output`", "give --resume or another --output"),
        ("give `epochs=5` or more", "give --epochs 5 or more"),
        ("give `batch_size=1e-3`", "give --batch-size 1e-3"),
        ("'a `b` c' is another run's: give `jobs`", "'a `b` c' is another run's: give --jobs"),
        ("'x`y`': use `jobs`, 'z'", "'x`y`': use --jobs, 'z'"),
        ("run `pip install x`", "run `pip install x`"),
        ("nothing", "nothing"),
    ],
)
def test_parameters_become_options_but_not_what_is_quoted(message, shown):
    assert in_options(message) == shown


def texts(path):
    """All texts in a file that are no documentation, with the number of their line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if text and id(node) not in documentation:
            yield node.lineno, node.value


LIBRARY = [path for path in sorted((ROOT / "sparsedend").rglob("*.py")) if "cli" not in path.parts]


def test_the_library_does_not_speak_of_options():
    """It names parameters, of which each that a command line can reach is an option there."""
    known = {each.name for command in commands() for each in command.params}
    reached = ("run.py", "settings.py", "files.py", "sweep", "datasets")
    for path in LIBRARY:
        for line, text in texts(path):
            where = f"{path.relative_to(ROOT)}:{line}: {text}"
            foreign = "dask worker" in text or "-nthreads" in text
            assert foreign or not re.search(r"(^|[\s'(])--[a-z]", text), where
            if set(path.relative_to(ROOT / "sparsedend").parts) & set(reached):
                assert set(re.findall(r"`(\w+)(?:=[\w.]*)?`", text)) <= known, where
