"""Whatever is wrong with what was given is one line and exit code 2, never a traceback."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

from sparsedend import backends, checkpoint, datasets, models
from sparsedend.cli.main import main
from sparsedend.run import run
from sparsedend.settings import Settings
from tests.cli.commands import ENVIRONMENT, SMALL, ended
from tests.conftest import ROOT

RESULTS = ROOT / "tests" / "files" / "sweep-1.h5"

BAD = {
    "unknown model": (["train", "dan-r"], "unknown model 'dan-r': did you mean 'dann-r'"),
    "unknown data set": (["train", "--dataset", "mnits"], "did you mean 'mnist'"),
    "missing data file": (["train", "--dataset", "none.h5"], "there is no data set file"),
    "text as data": (["train", "--dataset", "text.h5"], "damaged or not HDF5"),
    "too many synapses": (["train", "--synapses", "65"], "only 64 pixels"),
    "no dendrites": (["train", "--dendrites", "0"], "dendrites is 0"),
    "negative somata": (["train", "--somata", "-1"], "somata is -1"),
    "too many dendrites": (
        ["train", "--dendrites", "100000000", "--somata", "100000000"],
        "dendrites × somata is 10000000000000000: give 2147483647 or less",
    ),
    "too large images": (
        ["info", "vann", "--image-shape", "10000000000,10000000000,1"],
        "values in a sample is 100000000000000000000: give 2147483647 or less",
    ),
    "no number": (["train", "--somata", "x"], "'x' is not a valid integer"),
    "empty batch": (["train", "--batch-size", "0"], "batch size is 0"),
    "no epochs": (["train", "--epochs", "0"], "epochs is 0"),
    "no threads": (["train", "--threads", "0"], "threads is 0"),
    "unknown backend": (["train", "--backend", "x"], "unknown backend 'x'"),
    "no such folder": (["train", "--output", "none/a.h5"], "the folder 'none' of 'a.h5'"),
    "output is a folder": (["train", "--output", "folder"], "'folder' is a folder: give"),
    "resume and overwrite": (
        ["train", "--output", "a.h5", "--resume", "--overwrite"],
        "--resume and --overwrite are both given: choose one",
    ),
    "resume without output": (["train", "--resume"], "--resume is given without --output"),
    "a long name": (["train", "--output", "x" * 300, *SMALL], "File name too long"),
    "a long name of a checkpoint": (["evaluate", "x" * 300], "File name too long"),
    "a path below a file": (["train", "--output", "text.h5/a.h5"], "'text.h5' of 'a.h5' does not"),
    "a data set without a name": (["train", "--dataset", ""], "unknown data set '': known are"),
    "a name that is no Unicode": (["train", "--dataset", "\udcff.h5"], "give a text of Unicode"),
    "no seed": (["train", "--seed", "None"], "'None' is not a valid integer"),
    "negative seed": (["train", "--seed", "-1"], "seed is -1: give a whole number from 0"),
    "a truth value as a number": (["train", "--somata", "True"], "'True' is not a valid integer"),
    "no finite rate": (["train", "--learning-rate", "nan"], "learning rate is nan: give a finite"),
    "unknown optimizer": (["train", "--optimizer", "adm"], "did you mean 'adam'? choose one of"),
    "a grid that is a folder": (
        ["sweep", "folder", "--output", "s.h5"],
        "'folder' is a folder, no grid",
    ),
    "results that are a folder": (
        ["sweep", "table", "folder"],
        "'folder' is a folder, no file of results: give an ordinary file",
    ),
    "a checkpoint as results": (
        ["sweep", "good.toml", "--output", "network.h5", "--resume"],
        "'network.h5': these are no results of a sweep",
    ),
    "output of a sweep that exists": (
        ["sweep", "good.toml", "--output", "text.h5"],
        "'text.h5' exists: give --resume, --overwrite or another --output",
    ),
    "resume and overwrite a sweep": (
        ["sweep", "good.toml", "--output", "s.h5", "--resume", "--overwrite"],
        "--resume and --overwrite are both given: choose one",
    ),
    "a network that has no training": (
        ["train", "--output", "network.h5", "--resume"],
        "'network.h5' holds a network but no training: give another --output",
    ),
    "a network of no data set": (
        ["evaluate", "network.h5", "--backend", "numpy"],
        "'network.h5' does not say what it was trained on: give --dataset",
    ),
    "a result that is none": (["info", "result.h5"], "the checkpoint has no whole result"),
    "settings that are none": (
        ["evaluate", "settings.h5", "--backend", "numpy"],
        "'settings.h5': the settings are 'x': use another copy of the file",
    ),
    "settings that cannot be": (
        ["info", "impossible.h5"],
        "'impossible.h5': somata is -1: give a whole number from 1",
    ),
    "settings of a later version": (
        ["train", "--output", "later.h5", "--resume", "--backend", "numpy"],
        "'later.h5': 'gain' is unknown here, but not to version 9.1 of sparsedend, which wrote the "
        "file: use that version or a later one",
    ),
    "other checkpoints": (
        ["sweep", "good.toml", "--output", "s.h5", "--checkpoints", "text.h5"],
        "the folder 'text.h5' cannot be made (File exists): give other --checkpoints",
    ),
    "no jobs": (["sweep", "good.toml", "--output", "s.h5", "--jobs", "0"], "jobs is 0"),
    "a text that ends": (
        ["sweep", "nul.toml", "--output", "s.h5"],
        "the grid 'nul.toml': dataset is 'a\\x00b.h5': give a text of Unicode without NUL",
    ),
    "no unseen table": (
        ["sweep", "table", RESULTS, "--output", "text.h5"],
        "'text.h5' exists: give --overwrite or another --output",
    ),
    "a device": (["check", "/dev/null"], "'/dev/null' is a device, pipe or socket, no file"),
    "no checkpoint": (["evaluate", "none.h5"], "there is no checkpoint 'none.h5'"),
    "text as checkpoint": (["evaluate", "text.h5"], "cannot be read as a checkpoint"),
    "predict nothing": (["predict", "none.h5", "x.npy", "--output", "o.npy"], "no checkpoint"),
    "unknown command": (["trian"], "No such command 'trian'"),
    "unknown option": (["train", "--dendrite", "3"], "No such option"),
    "unknown subject": (["info", "dann"], "unknown model 'dann'"),
    "bad shape": (["info", "dann-r", "--image-shape", "28"], "--image-shape is '28'"),
    "embedded fetch": (["data", "fetch", "digits"], "nothing to fetch"),
    "unknown schedule": (["train", "--schedule", "linear"], "unknown schedule 'linear'"),
    "dropout of all": (
        ["train", "--dropout", "1"],
        "dropout is 1: give a finite number from 0 up",
    ),
    "negative noise": (
        ["train", "--noise", "-1"],
        "noise is -1: give a finite number of 0",
    ),
    "no patience": (["train", "--patience", "0"], "patience is 0"),
    "too large batches": (
        ["train", "--sequential", "--batch-size", "900"],
        "too few for a batch of 900",
    ),
    "preset elsewhere": (["train", "--preset", "paper"], "knows no data set 'digits'"),
    "unknown preset": (["train", "--preset", "x"], "unknown preset 'x'"),
    "impossible plan": (["info", "dann-grf", "--dendrites", "785"], "only 784 pixels"),
    "own of nothing": (["data", "convert", "own"], "give --images and --labels, or a folder"),
    "own of text": (["data", "convert", "own", "text.h5"], "text.h5' cannot be read"),
    "own without labels": (
        ["data", "convert", "own", "--images", "x.npy"],
        "give --images and --labels",
    ),
    "own in a known name": (
        ["data", "convert", "own", "text.h5", "--name", "mnist"],
        "'mnist' is the name of a known data set",
    ),
    "own in another folder": (
        ["data", "convert", "own", "text.h5", "--name", "../mine"],
        "'../mine' cannot be the name of a data set",
    ),
    "own without a name": (
        ["data", "convert", "own", "text.h5", "--name", ""],
        "'' cannot be the name of a data set",
    ),
    "unknown backend of a sweep": (
        ["sweep", "good.toml", "--output", "s.h5", "--backend", "x"],
        "unknown backend 'x'",
    ),
    "options before the grid": (
        ["sweep", "--output", "s.h5", "none.toml"],
        "there is no grid 'none.toml'",
    ),
    "no folder": (["data", "convert", "fmnist"], "no folder is given"),
    "no grid": (["sweep", "none.toml", "--output", "s.h5"], "there is no grid 'none.toml'"),
    "unknown key": (["sweep", "bad.toml", "--output", "s.h5"], "unknown key 'dendrite': did you"),
    "misspelt table": (["sweep", "tabel", "s.h5"], "No such command 'tabel'"),
    "diverging": (
        ["train", "--learning-rate", "1e30", "--epochs", "1", "--output", "a.h5"],
        "the training loss is nan in epoch 1",
    ),
    "too small second layer": (
        ["train", "dann-r", "--layers", "2", "--somata", "8"],
        "layer 2, whose inputs are the somata of layer 1: synapses is 16, but there are only 8",
    ),
    "no scheduler": (
        ["sweep", "good.toml", "--output", "s.h5", "--scheduler", "127.0.0.1:9"],
        "no scheduler answers at '127.0.0.1:9'",
    ),
    "no folder of results": (
        ["sweep", "good.toml", "--output", "none/s.h5"],
        "the folder 'none' of 's.h5' does not exist",
    ),
    "no results": (["sweep", "table", "none.h5"], "there is no file of results 'none.h5'"),
    "text as results": (["sweep", "table", "text.h5"], "cannot be read as results"),
    "no originals": (["data", "convert", "fmnist", "folder"], "has no train-images"),
}


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Checkpoints that say of their run what they should not."""
    folder = tmp_path_factory.mktemp("networks")
    small = Settings(model="vann", dendrites=1, somata=2, epochs=1)
    run(small, folder / "run.h5", backend=backends.create("numpy", 1))
    state = checkpoint.read(folder / "run.h5")
    for name, about in {
        "network": {},
        "result": {"result": {"model": "vann", "epochs": 3}},
        "settings": {"settings": "x"},
        "impossible": {"settings": {"somata": -1}},
        "later": {"settings": {"gain": 3.0}, "written_by": "9.1"},
    }.items():
        training = state.training if name == "later" else None
        checkpoint.save(state.network, folder / f"{name}.h5", about=about, training=training)
    return folder


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(case, tmp_path, monkeypatch, capfd, networks):
    arguments, message = BAD[case]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.h5").write_text("no HDF5")
    (tmp_path / "bad.toml").write_text("dendrite = 3")
    (tmp_path / "good.toml").write_text("epochs = 1")
    (tmp_path / "nul.toml").write_text('dataset = "a\\u0000b.h5"')
    (tmp_path / "folder").mkdir()
    for path in networks.iterdir():
        (tmp_path / path.name).symlink_to(path)
    before = sorted(path.name for path in tmp_path.iterdir())
    code = ended(monkeypatch, *arguments)
    shown = capfd.readouterr()
    assert code == 2, shown.err
    lines = [line for line in shown.err.splitlines() if not line.startswith("Compiling kernels")]
    assert len(lines) == 1, shown.err
    assert lines[0].startswith("Error: ")
    assert message in lines[0]
    assert shown.out == ""
    left = {path.name for path in tmp_path.rglob("*.h5")} | set(before)
    assert left == set(before), "nothing is left behind"


def test_too_little_memory_is_one_line(monkeypatch, capsys, tmp_path):
    def build(*arguments, **sizes):
        raise MemoryError("Unable to allocate 3 TiB")

    monkeypatch.setattr(models, "build", build)
    assert ended(monkeypatch, "train", "--output", tmp_path / "a.h5") == 2
    assert capsys.readouterr().err == (
        "Error: not enough memory (Unable to allocate 3 TiB): choose a smaller network\n"
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device", "a.h5"), "'a.h5': No space left on device"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("strange"), "strange"),
    ],
)
def test_what_the_system_refuses_is_one_line(error, told, monkeypatch, capsys):
    def load(name):
        raise error

    monkeypatch.setattr(datasets, "load", load)
    assert ended(monkeypatch, "data", "info", "digits") == 2
    assert capsys.readouterr().err == f"Error: {told}: check the path and the disk\n"


def test_an_error_of_ours_is_not_hidden(monkeypatch):
    def load(name):
        raise RuntimeError("a bug")

    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(sys, "argv", ["sparsedend", "data", "info", "digits"])
    with pytest.raises(RuntimeError, match="a bug"):
        main()


@pytest.mark.filterwarnings("always")
def test_a_warning_is_one_line(monkeypatch, capsys):
    def names():
        warnings.warn("give `test_fraction=0.2` or `overwrite=True`", stacklevel=1)
        return ()

    before = warnings.showwarning
    monkeypatch.setattr(datasets, "names", names)
    assert ended(monkeypatch, "data", "list") == 0
    assert capsys.readouterr().err == "Warning: give --test-fraction 0.2 or --overwrite\n"
    assert warnings.showwarning is before


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder that not even root can write")
def test_a_folder_that_cannot_be_written(monkeypatch, capsys):
    assert ended(monkeypatch, "train", "--backend", "numpy", "--output", "/proc/self/a.h5") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_no_folder_for_compiled_kernels(tmp_path):
    code = (
        "from numba.core import caching; caching.CacheImpl._locator_classes = []; "
        "from sparsedend.cli.main import main; main()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, "train", *SMALL],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | ENVIRONMENT,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.count("Warning: compiled kernels cannot be kept") == 1
    assert "set NUMBA_CACHE_DIR" in answer.stderr


def test_predict_keeps_an_existing_output(tmp_path, monkeypatch, capsys, networks):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "o.npy").write_text("mine")
    np.save(tmp_path / "x.npy", np.zeros((2, 8, 8, 1), np.uint8))
    np.save(tmp_path / "y.npy", np.zeros((2, 8, 9, 1), np.uint8))
    np.save(tmp_path / "z.npy", np.full((2, 8, 8, 1), np.nan))
    np.save(tmp_path / "p.npy", np.array([{}]), allow_pickle=True)
    for images, output, message in (
        ("x.npy", "o.npy", "'o.npy' exists"),
        ("y.npy", "p.out", "images have shape (2, 8, 9, 1)"),
        ("z.npy", "p.out", "image 0 holds nan"),
        ("p.npy", "p.out", "cannot be read"),
        ("none.npy", "p.out", "there is no file"),
    ):
        words = ["predict", networks / "network.h5", images, "--output", output]
        assert ended(monkeypatch, *words, "--backend", "numpy") == 2
        told = capsys.readouterr().err
        assert message in told
        assert len(told.splitlines()) == 1
    assert (tmp_path / "o.npy").read_text() == "mine"
    assert not (tmp_path / "p.out").exists()
