"""What is kept of a network, its size, its file, and how a sweep asks for it."""

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, analysis, backends, checkpoint
from sparsedend.run import run
from sparsedend.sweep import Results, expand, kept, sweep
from sparsedend.sweep.worker import execute
from tests.cli.commands import invoked
from tests.conftest import edited
from tests.sweep.rows import SMALL, same

BOTH = ["weights", "activations"]


@pytest.fixture(scope="module")
def planned():
    (only,) = expand(SMALL | {"keep": BOTH, "epochs": 1, "noise": 0.2})
    return only


@pytest.fixture(scope="module")
def trained(planned):
    """The network of the run, and what it saw."""
    found = []
    run(
        planned.settings,
        None,
        backend=backends.create("numpy", 1),
        trained=lambda *given: found.extend(given),
    )
    return found


def arrays(found):
    """All arrays, by part and layer."""
    return {
        (part, layer): values
        for part in ("weights", "hits", "activations")
        for layer, values in getattr(found, part).items()
    }


def test_what_is_kept(planned, trained):
    """Of the trained network, and of the images with their noise."""
    network, data = trained
    found = kept.collect(network, data, BOTH, planned.fingerprint)
    assert found.class_names == data.class_names
    np.testing.assert_array_equal(found.labels, data.test_y)
    np.testing.assert_array_equal(found.images_per_class, np.bincount(data.test_y))
    synapses = network.layers[0].synapses
    np.testing.assert_array_equal(found.weights["hidden 1"], synapses.data)
    assert {layer: values.size for layer, values in found.weights.items()} == {
        "hidden 1": 80,
        "hidden 2": 16,
        "output": 80,
    }
    for layer in ("hidden 1", "hidden 2"):
        exact = analysis.activations(network, data.test_x, layer)
        hits = analysis.hits(exact, data.test_y, 10)
        np.testing.assert_array_equal(found.hits[layer], hits)
        np.testing.assert_allclose(found.activations[layer], exact, rtol=1e-3, atol=1e-4)
    assert list(found.activations) == ["hidden 1", "hidden 2", "output"]
    assert {values.dtype for values in found.activations.values()} == {np.dtype(np.float16)}


def test_only_what_was_asked_for(planned, trained):
    weights = kept.collect(*trained, ["weights"], "")
    assert weights.weights
    assert not weights.hits
    assert not weights.activations
    activations = kept.collect(*trained, ["activations"], "")
    assert not activations.weights
    assert activations.hits
    assert activations.activations


@pytest.mark.parametrize("parts", [[], ["weights"], ["activations"], BOTH])
def test_the_size_is_known_before(trained, parts):
    (planned,) = expand(SMALL | {"keep": parts, "epochs": 1})
    found = arrays(kept.collect(*trained, parts, ""))
    assert planned.kept_bytes == sum(values.nbytes for values in found.values())


def test_images_are_the_first_two_thousand(trained, monkeypatch):
    network, data = trained
    monkeypatch.setattr(kept, "IMAGES", 7)
    found = kept.collect(network, data, ["activations"], "")
    assert {len(values) for values in found.activations.values()} == {7}
    np.testing.assert_array_equal(found.labels, data.test_y[:7])
    assert (found.hits["hidden 1"].sum(axis=0) == len(data.test_y)).all()
    assert kept.size(["activations"], sd.models.plan("dann-r", 64, 3, somata=2), data) == (
        2 * 7 * (32 + 2 + 3) + 4 * 11 * 34
    )


def test_values_beyond_float16_stay_float32(trained):
    network, data = trained
    large = network.copy()
    large.parameters *= 1e7
    found = kept.collect(large, data, ["activations"], "").activations
    assert found["hidden 1"].dtype == np.float32
    assert np.isfinite(found["hidden 1"]).all()
    assert found["output"].dtype == np.float16


def test_round_trip(planned, trained, tmp_path):
    before = kept.collect(*trained, BOTH, planned.fingerprint)
    kept.write(before, tmp_path / "a.h5")
    after = kept.read(tmp_path / "a.h5")
    assert (after.fingerprint, after.class_names) == (before.fingerprint, before.class_names)
    np.testing.assert_array_equal(after.labels, before.labels)
    np.testing.assert_array_equal(after.images_per_class, before.images_per_class)
    there, here = arrays(before), arrays(after)
    assert list(here) == list(there)
    for key, values in there.items():
        assert here[key].dtype == values.dtype
        np.testing.assert_array_equal(here[key], values)
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
    shown = invoked("check", tmp_path / "a.h5").stdout
    assert shown.endswith("a.h5: what a sweep kept of a run, as it was written\n")


def test_files_that_are_none(planned, trained, tmp_path):
    path = tmp_path / "a.h5"
    kept.write(kept.collect(*trained, ["weights"], ""), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100] + bytes(100))
    with pytest.raises(InputError, match=r"a.h5'.* remove it, and do the run again with `resume="):
        kept.read(path)
    path.write_bytes(whole)
    with edited(path) as file:
        file.attrs["format_version"] = 9
    with pytest.raises(InputError, match="does not read what was kept in format 9: use the vers"):
        kept.read(path)
    with edited(path) as file:
        file.attrs["format_version"] = 1
        file["labels"][...] = 0
        del file["weights/output"]
        file["weights/output"] = np.arange(3)
    with pytest.raises(InputError, match="values of type int64"):
        kept.read(path)
    checkpoint.save(trained[0], path)
    with pytest.raises(InputError, match="was not kept by a sweep"):
        kept.read(path)


def test_a_sweep_keeps_what_its_grid_asks_for(tmp_path):
    runs = expand(SMALL | {"seed": [1, 2], "keep": "weights"})
    said = []
    results = sweep(runs, tmp_path / "s.h5", jobs=1, say=said.append)
    folder = tmp_path / "s.kept"
    assert said == [f"'{folder}' will hold 1 kB of 2 runs"]
    assert len(list(folder.iterdir())) == 2
    for found in (results, Results.read(tmp_path / "s.h5")):
        assert [row["kept"] for row in found.rows] == ["weights", "weights"]
        one, two = (found.kept(each.settings) for each in runs)
        assert not np.array_equal(one.weights["output"], two.weights["output"])
        assert found.kept_parts == {each.settings: {"weights"} for each in runs}
    network = []
    run(
        runs[1].settings,
        None,
        backend=backends.create("auto", 1),
        trained=lambda given, data: network.append(given),
    )
    np.testing.assert_array_equal(two.weights["hidden 1"], network[0].layers[0].synapses.data)


def test_runs_that_lack_what_is_to_be_kept_are_done_again(tmp_path):
    """And others are not; nothing that was kept is lost."""
    plain, weights, both = (
        expand(SMALL | {"epochs": 1, "keep": keep}) for keep in ([], ["weights"], ["activations"])
    )
    path, settings, said = tmp_path / "s.h5", plain[0].settings, []

    def swept(runs):
        said.clear()
        found = sweep(runs, path, jobs=1, resume=True, say=said.append)
        return found.kept(settings), [line for line in said if "already" in line]

    assert swept(plain) == (None, [])
    found, held = swept(weights)
    assert (bool(found.weights), bool(found.activations), held) == (True, False, [])
    assert len(swept(weights)[1]) == len(swept(plain)[1]) == 1
    found, held = swept(both)
    assert (bool(found.weights), bool(found.activations), held) == (True, True, [])
    for file in (tmp_path / "s.kept").iterdir():
        file.unlink()
    assert Results.read(path).kept(settings) is None
    assert Results.read(path).kept_parts == {}
    assert swept(plain) == (None, [f"'{path}' holds 1 of these 1 runs already"])
    assert swept(weights)[0].weights


def test_a_finished_checkpoint_is_enough(tmp_path, planned):
    """Nothing is trained again, also where both lie in one folder."""
    path = tmp_path / f"{kept.name_of(planned.settings)}.h5"
    run(planned.settings, path, backend=backends.create("numpy", 1))
    row = execute(planned, "numpy", 1, tmp_path, True, folder=tmp_path)
    assert row["kept"] == "weights activations"
    assert row["seconds"] == checkpoint.read(path).about["result"]["seconds"]
    assert kept.read(kept.file_of(tmp_path, planned.settings)).weights


def test_what_cannot_be_kept_is_an_error_of_the_run(tmp_path, planned):
    row = execute(planned, "numpy", 1, None, True, folder=tmp_path / "none")
    assert "the folder" in row["error"]
    assert row["kept"] == ""


def test_rows_do_not_depend_on_what_is_kept(tmp_path, planned):
    (plain,) = expand(SMALL | {"epochs": 1, "noise": 0.2})
    row = execute(planned, "numpy", 1, None, True, folder=tmp_path)
    assert same(row | {"kept": ""}, execute(plain, "numpy", 1, None, True))


def test_another_data_set_s_are_refused(tmp_path, planned):
    (tmp_path / "s.kept").mkdir()
    row = execute(planned, "numpy", 1, None, True, folder=tmp_path / "s.kept")
    results = Results([row | {"fingerprint": "another"}], tmp_path / "s.kept")
    with pytest.raises(InputError, match="is of other images or labels than its run: remove it"):
        results.kept(planned.settings)
    assert Results([row]).kept(planned.settings) is None
    assert Results([], tmp_path / "s.kept").kept(planned.settings) is None


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (
            "weight",
            "unknown part 'weight' to keep: did you mean 'weights'. choose among",
        ),
        (["weights", 3], "unknown part '3' to keep: choose among"),
    ],
)
def test_grids_that_ask_for_something_else(keep, message):
    with pytest.raises(InputError, match=message):
        expand({"keep": keep})


def test_parts_are_named_once():
    assert expand({"keep": ["activations", "weights", "weights"]})[0].keep == tuple(BOTH)
    assert expand({})[0].keep == ()


def test_the_table_says_what_is_kept(tmp_path):
    runs = expand(SMALL | {"epochs": 1, "seed": [1, 2]})
    sweep(runs[:1], tmp_path / "s.h5", jobs=1)
    sweep(expand(SMALL | {"epochs": 1, "seed": 2, "keep": BOTH}), tmp_path / "s.h5", resume=True)
    said = invoked("sweep", "table", tmp_path / "s.h5").stderr.splitlines()
    assert said == [f"{part} kept of 1 runs in '{tmp_path / 's.kept'}'" for part in BOTH]
