"""Settings stand once: what they may be, what derives from them, what records say of them."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, fields, replace

import numpy as np
import pytest

from sparsedend import InputError, backends
from sparsedend.analysis.efficiency import SHARED
from sparsedend.run import run
from sparsedend.settings import PRESETS, SETTINGS, Settings, chosen
from sparsedend.sweep import expand, sweep
from sparsedend.sweep.worker import name_of
from tests.cli.commands import invoked
from tests.conftest import ROOT

#: For every setting a value that is not its default.
OTHERS = {
    "model": "vann",
    "dataset": "mnist",
    "dendrites": 3,
    "somata": 5,
    "synapses": 7,
    "layers": 2,
    "exact": True,
    "dropout": 0.5,
    "initializer": "sparse",
    "epochs": 9,
    "batch_size": 32,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "schedule": "cosine",
    "weight_decay": 0.1,
    "patience": 4,
    "sequential": True,
    "noise": 0.25,
    "seed": 2,
}


def test_what_is_known_of_a_setting():
    assert list(SETTINGS) == [field.name for field in fields(Settings)]
    rate, patience = SETTINGS["learning_rate"], SETTINGS["patience"]
    assert (rate.kind, rate.optional, rate.default) == (float, False, 1e-3)
    assert (rate.title, rate.option) == ("learning rate", "--learning-rate")
    assert (patience.kind, patience.optional, patience.unit) == (int, True, "epochs")
    assert (SETTINGS["exact"].kind, SETTINGS["model"].kind) == (bool, str)
    for each in SETTINGS.values():
        assert each.words[0].isupper()
        assert each.words.endswith(".")
        assert each.checked(each.default) == each.default


def test_the_defaults_and_the_preset():
    assert asdict(Settings()) == {
        **{"model": "dann-lrf", "dataset": "digits", "dendrites": 16, "somata": 64},
        **{"synapses": 16, "layers": 1, "exact": False, "dropout": 0.0, "initializer": "glorot"},
        **{"epochs": None, "batch_size": 128, "optimizer": "adam", "learning_rate": 1e-3},
        **{"schedule": "constant", "weight_decay": 0.0, "patience": None, "sequential": False},
        **{"noise": 0.0, "seed": 1},
    }
    assert PRESETS["paper"] == {
        **{"synapses": 16, "exact": False, "initializer": "glorot", "batch_size": 128},
        **{"optimizer": "adam", "learning_rate": 1e-3, "schedule": "constant", "weight_decay": 0},
    }


def test_what_determines_the_size():
    sizes = {"dendrites": 3, "somata": 5, "synapses": 7, "layers": 2, "exact": True}
    assert Settings(**sizes, seed=4).sizes == sizes


NUMBERS = [
    *(("somata", value) for value in (0, -1, 2**31, True, 4.0, "4", None, np.float64(4), 10**30)),
    *(("seed", value) for value in (-1, 2**63, True, None, 1.5, np.True_, np.int64(-1))),
    *(("epochs", value) for value in (0, True, 2.0, 2**31)),
    *(("patience", value) for value in (0, -3, False)),
    *(("batch_size", value) for value in (0, None)),
    *(("learning_rate", value) for value in (0, -1e-3, np.nan, np.inf, True, "0.1", 10**400, None)),
    *(("weight_decay", value) for value in (-0.1, np.inf, True)),
    *(("dropout", value) for value in (-0.1, 1, 1.5, np.nan, True)),
    *(("noise", value) for value in (-0.1, np.inf, np.nan, False)),
    *(("exact", value) for value in (1, 0, None, "true", 1.0)),
    *(("model", value) for value in (None, 3, b"vann", True)),
    *(("dataset", value) for value in (None, 3, "a\0b", "\udcff.h5")),
]


@pytest.mark.parametrize(("name", "value"), NUMBERS)
def test_a_value_of_another_kind_or_out_of_range_is_refused(name, value):
    with pytest.raises(InputError, match=rf"^{SETTINGS[name].title} is .*: give (a |true)"):
        Settings(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("somata", np.int64(4), 4),
        ("somata", 2**31 - 1, 2**31 - 1),
        ("epochs", np.uint8(3), 3),
        ("patience", 1, 1),
        ("learning_rate", np.float32(0.5), 0.5),
        ("learning_rate", 1, 1.0),
        ("dropout", np.float64(0), 0.0),
        ("dropout", 0.999, 0.999),
        ("noise", 0, 0.0),
        ("weight_decay", 0, 0.0),
        ("exact", np.True_, True),
        ("seed", 0, 0),
        ("seed", np.uint64(2**63 - 1), 2**63 - 1),
        ("model", np.str_("vann"), "vann"),
        ("dataset", ROOT / "a.h5", f"{ROOT}/a.h5"),
    ],
)
def test_numbers_of_numpy_and_paths_become_python_s_own(name, value, found):
    settings = Settings(**{name: value})
    assert getattr(settings, name) == found
    assert type(getattr(settings, name)) is type(found)
    assert json.loads(json.dumps(asdict(settings)))[name] == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model": "dan-r"},
            "unknown model 'dan-r': did you mean 'dann-r'.*one of dann-r, ",
        ),
        ({"schedule": "linear"}, "unknown schedule 'linear': choose one of constant, step, cosine"),
        ({"initializer": "zeros"}, "unknown initializer 'zeros': choose one of glorot, sparse"),
        ({"optimizer": "adm"}, "unknown optimizer 'adm': did you mean 'adam'"),
        ({"weight_decay": 10.0, "learning_rate": 0.1}, "weight decay is 10.*less than 1 / learn"),
    ],
)
def test_unknown_choices_and_what_does_not_go_together(change, message):
    with pytest.raises(InputError, match=message):
        Settings(**change)
    with pytest.raises(InputError, match=message):
        replace(Settings(), **change)


def test_the_optimizer_is_made_of_the_settings():
    made = Settings(learning_rate=0.02, weight_decay=0.3).new_optimizer()
    assert (made.learning_rate, made.weight_decay) == (0.02, 0.3)


def test_epochs_of_the_paper_are_the_default():
    assert Settings().epochs_on("fmnist") == 25
    assert Settings().epochs_on("mnist") == 15
    assert Settings().epochs_on("digits") == 100
    assert Settings().epochs_on("my own") == 25
    assert Settings(sequential=True).epochs_on("fmnist") == 50
    assert Settings(patience=10).epochs_on("fmnist") == 100
    assert Settings(patience=10, sequential=True).epochs_on("fmnist") == 100
    assert Settings(epochs=3, patience=10).epochs_on("fmnist") == 3
    assert Settings(epochs=3, sequential=True).epochs_on("fmnist") == 3
    assert Settings(dataset="a/b.h5").resolved("fmnist") == Settings(dataset="fmnist", epochs=25)


def test_the_preset_of_the_paper():
    assert chosen({"dataset": "cifar10", "somata": 7}, "paper") == Settings(
        dataset="cifar10", somata=7, epochs=50
    )
    assert chosen({"dataset": "mnist", "epochs": 2, "batch_size": 5}, "paper") == Settings(
        dataset="mnist", epochs=2, batch_size=5
    )
    assert chosen({"somata": 5}) == Settings(somata=5)
    with pytest.raises(InputError, match="preset 'paper' knows no data set 'digits': choose one"):
        chosen({}, "paper")
    for unknown in ("papers", ["paper"], 3):
        with pytest.raises(InputError, match="unknown preset"):
            chosen({}, unknown)


def test_the_preset_does_not_follow_the_defaults(monkeypatch):
    """The paper's protocol stays what it is when a default changes."""
    monkeypatch.setitem(PRESETS["paper"], "batch_size", 64)
    assert chosen({"dataset": "mnist"}, "paper").batch_size == 64
    assert chosen({"dataset": "mnist", "batch_size": 32}, "paper").batch_size == 32


@pytest.mark.parametrize("name", OTHERS)
def test_every_setting_names_a_run(name):
    """Else two runs of a sweep would share a checkpoint."""
    other = Settings(**{name: OTHERS[name]})
    assert other.changed == {name: OTHERS[name]}
    assert name_of(other) != name_of(Settings())
    assert name_of(other) == name_of(replace(other))


def test_others_than_the_default_are_known_of_all():
    choices = {name for name, known in SETTINGS.items() if len(known.choices) == 1}
    assert set(OTHERS) == set(SETTINGS) - choices


def test_a_long_name_of_a_data_set_still_names_a_file():
    settings = Settings(dataset=f"/a/{'ü' * 300}.h5", model="dann-grf", seed=2**63 - 1)
    assert len(f"{name_of(settings)}.h5".encode()) < 200
    assert settings.short_name.startswith("dann-grf-üüü")
    assert Settings(dataset="/a/b.c.h5", dendrites=3, somata=4, seed=5).short_name == (
        "dann-lrf-b.c-3x4-s5"
    )


def test_trials_share_every_setting_that_is_no_key():
    """Runs that differ in one of these are not averaged."""
    keys = {"model", "dataset", "dendrites", "somata", "seed"}
    assert set(SHARED) == set(SETTINGS) - keys


def test_a_record_of_before_has_defaults_and_numbers_are_checked():
    record = {"somata": 5, "seed": 3}
    assert Settings.from_record(record, None) == Settings(somata=5, seed=3)
    assert Settings.from_record(asdict(Settings(noise=0.5)), "0.1.0") == Settings(noise=0.5)
    with pytest.raises(InputError, match="somata is 'x'"):
        Settings.from_record({"somata": "x"}, None)
    for record in (None, [], "x", 3):
        with pytest.raises(InputError, match=r"the settings are .*: use another copy"):
            Settings.from_record(record, None)


def test_a_record_of_later_is_refused_or_told():
    record = {"somata": 5, "gain": 3, "unheard": None}
    with pytest.raises(
        InputError,
        match=r"'gain', 'unheard' are unknown here, but not to version 9\.1 of sparsedend, which "
        r"wrote the file: use that version or a later one",
    ):
        Settings.from_record(record, "9.1")
    with pytest.raises(InputError, match="not to another version of sparsedend, which"):
        Settings.from_record(record, None)
    with pytest.warns(UserWarning, match=r"'gain', 'unheard' .* version 9\.1 .*; they are lef"):
        found = Settings.from_record(record, "9.1", tolerant=True)
    assert found == Settings(somata=5)


#: A setting that is nowhere but in this line.
LINE = (
    '    gain: float = setting(1.5, "Gain of an amplifier.", least=0, paper=2.5, unit="volts", '
    "size=True)\n"
)
MARK = "    seed: int = setting("
ASK = """
import json, sys, warnings
from dataclasses import asdict
from click.testing import CliRunner
from sparsedend import InputError, analysis, backends, models, sweep
from sparsedend.analysis.efficiency import SHARED
from sparsedend.cli.main import cli
from sparsedend.run import run
from sparsedend.analysis.efficiency import SHARED
from sparsedend.settings import PRESETS, Settings
from sparsedend.sweep.results import COLUMNS, Results, row_of
from sparsedend.sweep.worker import name_of

plan, build = models.plan, models.build
seen = []
models.plan = lambda *a, gain=None, **k: seen.append(gain) or plan(*a, **k)
models.build = lambda *a, gain, **k: seen.append(gain) or build(*a, **k)

def told(call):
    try:
        return call()
    except InputError as error:
        return str(error)

small = {"model": "vann", "dendrites": 1, "somata": 2, "epochs": 1}
numpy = backends.create("numpy")
ran = lambda gain, **how: told(
    lambda: run(Settings(**small, gain=gain), "more.h5", backend=numpy, **how)
)
result = ran(3)
planned = sweep.expand(small | {"gain": [1, 2]})
rows = [row_of(each.settings, "f", None, "failed") for each in planned]
Results(rows).write("more-sweep.h5")
print(json.dumps({
    "help": CliRunner().invoke(cli, ["train", "--help"]).stdout,
    "info help": CliRunner().invoke(cli, ["info", "--help"]).stdout,
    "result": result["gain"],
    "handed on": seen[:2] == [3, 3],
    "resumed": ran(4, resume=True),
    "refused": told(lambda: Settings(gain=-1)),
    "grid": [each.settings.gain for each in planned],
    "bad grid": told(lambda: sweep.expand({"gain": "x"})),
    "column": COLUMNS["gain"].__name__,
    "rows": [row["gain"] for row in Results.read("more-sweep.h5").rows],
    "old rows": Results.read(sys.argv[1]).columns()["gain"].tolist(),
    "old record": Settings.from_record({"somata": 3}, None).gain,
    "names": len({name_of(each.settings) for each in planned}),
    "shared": "gain" in SHARED,
    "paper": PRESETS["paper"]["gain"],
}))
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """What the package says of a setting that one line of one file adds, and where it wrote it."""
    folder = tmp_path_factory.mktemp("extended")
    copy = folder / "sparsedend"
    copy.mkdir()
    for path in (ROOT / "sparsedend").iterdir():
        if path.name not in ("settings.py", "__pycache__"):
            (copy / path.name).symlink_to(path)
    text = (ROOT / "sparsedend" / "settings.py").read_text(encoding="utf-8")
    (folder / "data").symlink_to(ROOT / "data")
    assert text.count(MARK) == 1
    (copy / "settings.py").write_text(text.replace(MARK, LINE + MARK), encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, "-c", ASK, ROOT / "tests" / "files" / "sweep-1.h5"],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )
    assert answer.returncode == 0, answer.stderr
    return folder, json.loads(answer.stdout.splitlines()[-1])


def test_another_setting_is_one_line_of_one_file(extended):
    _, found = extended
    shown = " ".join(found.pop("help").split())
    assert "--gain VOLTS Gain of an amplifier. [default: 1.5]" in shown
    assert "--gain VOLTS" in found.pop("info help")
    assert found.pop("resumed").endswith(
        "is another run's (gain 3.0 there, 4.0 here): give its settings or another `output`"
    )
    assert found == {
        "result": 3.0,
        "handed on": True,
        "refused": "gain is -1: give a finite number of 0 or more",
        "grid": [1.0, 2.0],
        "bad grid": "gain is 'x': give a finite number of 0 or more",
        "column": "float",
        "rows": [1.0, 2.0],
        "old rows": [1.5, 1.5, 1.5],
        "old record": 1.5,
        "names": 2,
        "shared": True,
        "paper": 2.5,
    }


def test_what_a_later_version_wrote_is_refused_or_told(extended, monkeypatch, tmp_path):
    """To go on from its files would lose the setting; to read them tells it."""
    folder, _ = extended
    monkeypatch.chdir(folder)
    unknown = r"'gain' is unknown here, but not to version \S+ of sparsedend, which wrote the file"
    with pytest.raises(InputError, match=f"'more.h5': {unknown}: use that version or a later one"):
        run(Settings(), "more.h5", backend=backends.create("numpy"), resume=True)
    with pytest.raises(InputError, match=f"'more-sweep.h5': {unknown}"):
        sweep(expand({"epochs": 1}), "more-sweep.h5", jobs=1, resume=True)
    with pytest.warns(UserWarning, match=f"{unknown}; it is left out"):
        shown = invoked("evaluate", "more.h5", "--backend", "numpy", "--json").stdout
    assert json.loads(shown.splitlines()[-1])["dataset"] == "digits"
    with pytest.warns(UserWarning, match=unknown):
        shown = invoked("info", "more.h5", "--json").stdout
    assert json.loads(shown.splitlines()[-1])["settings"]["gain"] == 3.0
    with pytest.warns(UserWarning, match=unknown):
        shown = invoked("sweep", "table", "more-sweep.h5", "--csv").stdout
    assert len(shown.splitlines()) == 3, "two runs that differ in nothing else"
