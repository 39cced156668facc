import os

import numpy as np
import pytest

from sparsedend import InputError
from sparsedend.datasets import write
from sparsedend.settings import Settings
from sparsedend.sweep import expand, read_grid
from tests.datasets.test_datasets import made


def test_the_product_of_lists_with_the_last_key_fastest():
    runs = expand({"model": ["dann-r", "vann"], "somata": [8, 4], "seed": 3, "epochs": 2})
    assert [run.settings for run in runs] == [
        Settings(model=model, somata=somata, seed=3, epochs=2)
        for model in ("dann-r", "vann")
        for somata in (8, 4)
    ]


def test_what_the_data_set_determines_is_resolved(tmp_path, monkeypatch):
    write(made(), tmp_path / "mine.h5")
    monkeypatch.chdir(tmp_path)
    (run,) = expand({"dataset": "mine.h5", "dendrites": 2, "somata": 3, "synapses": 4})
    assert run.settings.epochs == 25
    assert run.settings.dataset == str(tmp_path / "mine.h5")
    assert run.parameters == (4 * 3 + 1) * 6 + (2 + 1) * 3 + (3 + 1) * 3


def test_a_file_that_is_called_like_a_data_set_is_none(tmp_path, monkeypatch):
    (tmp_path / "digits").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert expand({"epochs": 1})[0].settings.dataset == "digits"


def test_a_run_that_is_named_twice_is_done_once():
    assert len(expand({"seed": [1, 2, 1], "epochs": 1})) == 2


def test_values_may_be_of_numpy_and_none():
    runs = expand({"seed": range(2), "noise": (np.float32(0.5),), "patience": [None, np.int64(3)]})
    found = [(run.settings.seed, run.settings.noise, run.settings.patience) for run in runs]
    assert found == [(0, 0.5, None), (0, 0.5, 3), (1, 0.5, None), (1, 0.5, 3)]


def test_work_is_synapses_images_and_epochs():
    """A dense weight counts half, and every matrix 5,000 more."""
    (sparse,) = expand({"dendrites": 2, "somata": 8, "synapses": 5, "epochs": 3})
    matrices = (5 * 16, 16, 8 * 10 / 2)
    assert sparse.work == 3 * 1437 * (sum(matrices) + 3 * 5000)
    (dense,) = expand({"model": "vann", "dendrites": 2, "somata": 8, "epochs": 1})
    assert dense.work == 1437 * ((64 * 16 + 16 * 8 + 8 * 10) / 2 + 3 * 5000)


def test_work_orders_runs_by_size():
    small, large = expand({"somata": [8, 512], "epochs": 1})
    assert large.work > 8 * small.work


def test_the_grid_of_the_paper():
    """7 numbers of dendrites, 5 of somata, 12 models, 5 trials, on one data set."""
    models = [f"{kind}{rule}" for kind in ("dann", "sann") for rule in ("", "-lrf", "-grf")]
    models[0] = "dann-r"
    models += ["pdann", "psann", "vann", "vann-r", "vann-lrf", "vann-grf"]
    runs = expand(
        {
            "model": models,
            "dendrites": [2**i for i in range(7)],
            "somata": [2**i for i in range(5, 10)],
            "seed": [1, 2, 3, 4, 5],
        }
    )
    assert len(runs) == 7 * 5 * 12 * 5
    assert np.unique([run.settings.model for run in runs]).size == 12


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"dendrite": 3}, "unknown key 'dendrite': did you mean 'dendrites'"),
        ({"somata": "many"}, "^somata is 'many': give a whole number from 1 to 2147483647$"),
        ({"somata": [4, 2.5]}, "somata is 2.5: give a whole number"),
        ({"somata": True}, "somata is True: give a whole number"),
        ({"exact": 1}, "exact is 1: give true or false"),
        ({"learning_rate": [0.1, 10**400]}, "learning rate is inf: give a finite number above 0"),
        ({"seed": []}, "'seed' is an empty list"),
        ({"model": "dan-r"}, "unknown model 'dan-r'"),
        ({"dataset": "mnits"}, "did you mean 'mnist'"),
        ({"seed": 2**64}, "seed is 18446744073709551616: give a whole number from 0"),
        ({"batch_size": 2**40}, "batch size is 1099511627776: give a whole number from 1"),
        ({"somata": 10**9}, "dendrites × somata is 16000000000: give 2147483647"),
        (
            {"sequential": True, "batch_size": [16, 900]},
            "the combination batch_size 900: class 0 has .* too few for a batch of 900",
        ),
        ({"preset": ["paper"]}, r"unknown preset '\['paper'\]'"),
        ({"preset": "paper"}, "knows no data set 'digits'"),
        ({"noise": [0, -1]}, "^noise is -1: give a finite number of 0 or more"),
        (
            {"model": ["vann", "dann-grf"], "dendrites": [4, 80]},
            "the combination model dann-grf, dendrites 80: dendrites is 80, but there are only 64",
        ),
    ],
)
def test_refuses_and_names_the_key(grid, message):
    with pytest.raises(InputError, match=message):
        expand(grid)


def test_files(tmp_path):
    path = tmp_path / "g.toml"
    path.write_text('model = ["vann", "sann"]\nlearning_rate = 1\nepochs = 2\n')
    assert [run.settings.learning_rate for run in read_grid(path)] == [1.0, 1.0]
    for content, message in (("x = ", "is no TOML"), ("x = 1", "the grid '.*g.toml': unknown key")):
        path.write_text(content)
        with pytest.raises(InputError, match=message):
            read_grid(path)
    with pytest.raises(InputError, match=r"there is no grid '.*none.toml': check the path"):
        read_grid(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "content",
    [
        "seed = " + "[" * 100_000,
        "seed = " + "9" * 5000,
        "seed = 0x" + "f" * 5000,
        "[model]\nseed = 0b" + "1" * 20_000,
        "seed = \ud800",
    ],
    ids=["lists in lists", "digits", "hexadecimal", "binary in a table", "no Unicode"],
)
def test_grids_that_are_hard_to_parse_or_to_show(tmp_path, content):
    path = tmp_path / "g.toml"
    path.write_text(content, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(InputError, match=r"the grid '.*g.toml' is no TOML: ") as told:
        read_grid(path)
    assert len(str(told.value)) < 400


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_what_the_system_says_without_a_number(tmp_path, monkeypatch):
    (tmp_path / "g.toml").write_text("epochs = 1")

    def read_text(*_, **__):
        raise OSError("the server is gone")

    monkeypatch.setattr("pathlib.Path.read_text", read_text)
    with pytest.raises(InputError, match=r"cannot be read \(the server is gone\): check the path"):
        read_grid(tmp_path / "g.toml")


def test_a_pipe_is_no_grid(tmp_path):
    """Reading one would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"pipe' is a device, pipe or socket, no grid: give an"):
        read_grid(tmp_path / "pipe")


def test_more_runs_than_anybody_does_are_refused_at_once():
    hundred = list(range(1, 201))
    many = dict.fromkeys(("dendrites", "somata", "synapses", "seed", "epochs"), hundred)
    with pytest.raises(InputError, match=r"make 320,000,000,000 runs: shorten them to 100,000"):
        expand(many)
    with pytest.raises(InputError, match=r"'seed' has 1,000,000,000,000 values: give 100,000 at"):
        expand({"seed": range(10**12)})
