"""The page on a checkpoint says what is true of it."""

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, analysis, backends, checkpoint, datasets, report
from sparsedend.report import networks
from sparsedend.run import run
from sparsedend.settings import Settings
from tests.plots.drawn import model
from tests.report.pages import check

ENGINE = backends.create("numpy")
#: Names that would do harm if they were not escaped.
EVIL = ('<script>alert("x")</script>', '"><img src="http://x.invalid/">', r"$\frac{", "a\nb")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Checkpoint of a short run."""
    path = tmp_path_factory.mktemp("trained") / "a.h5"
    settings = Settings(dendrites=2, somata=5, synapses=4, epochs=2, learning_rate=0.01)
    run(settings, path, backend=ENGINE, progress=False)
    return path


@pytest.fixture(scope="module")
def page(trained):
    return check(report.of_checkpoint(trained, backend=ENGINE))


def test_nothing_is_left_out(page):
    assert "Left out" not in page.text
    assert len(page.all("section")) == len(networks.SECTIONS)


def test_main_figures(page, trained, digits):
    network = sd.load(trained, backend=ENGINE)
    tested = sd.evaluate(network, digits.test_x, digits.test_y)
    for said in (
        "dann-lrf of 64 inputs, tested with 360 images of digits.",
        f"parameters {network.size:,}",
        f"of all to all {network.density:.2%}",
        f"test accuracy {tested.accuracy:.2%}",
        f"test loss {tested.loss:.4f}",
        "epochs 2",
    ):
        assert said in page.text


def test_configuration_and_network(page):
    for said in (
        "learning rate 0.01 Learning rate, before the schedule's factor.",
        "patience no early stopping",
        "0 dendritic 64 5 local, tree 65",
        "1 dense 5 10 60 100.00%",
        f"Trained by sparsedend {sd.__version__}.",
        "The loss is SoftmaxCrossEntropy().",
    ):
        assert said in page.text


def test_confusions(page, trained, digits):
    """The most frequent pair, and the image that is wrong with the highest probability."""
    network = sd.load(trained, backend=ENGINE)
    likely = sd.predict(network, digits.test_x, probabilities=True)
    predicted = likely.argmax(axis=1)
    counts = analysis.confusion_matrix(digits.test_y, predicted, 10)
    np.fill_diagonal(counts, 0)
    is_, taken = np.unravel_index(counts.argmax(), counts.shape)
    names, share = digits.class_names, counts[is_, taken] / np.sum(digits.test_y == is_)
    first = f"class taken for images of its class {names[is_]} {names[taken]} {counts.max()}"
    assert f"{first} {share:.1%}" in page.text
    listed = page.section("Confusions").count("%")
    assert listed == min(10, np.count_nonzero(counts))
    wrong = predicted != digits.test_y
    worst = int(np.where(wrong, likely.max(axis=1), 0).argmax())
    alt = f"Test image {worst} of class {names[digits.test_y[worst]]}"
    shown = [each["alt"] for each in page.all("img") if each["alt"].startswith("Test image")]
    assert shown[0] == alt
    assert len(shown) == 24
    assert (
        f"Of 360 test images {wrong.sum()} are taken for another class; these 24 with the "
        f"highest probability. {names[digits.test_y[worst]]}, taken for "
        f"{names[predicted[worst]]} ({likely[worst].max():.1%})"
    ) in page.text


def test_weights_and_nodes(page, trained, digits):
    network = sd.load(trained, backend=ENGINE)
    for name, values in analysis.layer_weights(network).items():
        found = analysis.moments(values)
        row = f"{name} {values.size:,} {values.std():.3g} {found.kurtosis:.2f}"
        assert f"{row} {found.skewness:.2f} {found.range:.3g}" in page.text
    hits = analysis.layer_hits(network, digits.test_x, digits.test_y, 10)
    images = np.bincount(digits.test_y)
    assert list(hits) == ["hidden 1", "hidden 2"]
    for name, of_layer in hits.items():
        bits = analysis.entropy(of_layer)
        classes = analysis.selectivity(of_layer, images)
        row = f"{name} {len(bits)} {np.isnan(bits).sum()} {np.nanmean(bits):.2f}"
        assert f"{row} {classes.mean():.2f}" in page.text


def dataset(names, images=30):
    """A data set of 4 × 4 pixels with these classes, in which labels are what is written."""
    rng = np.random.default_rng(1)
    y = np.arange(images) % len(names)
    x = rng.integers(0, 256, (images, 4, 4, 1)).astype(np.uint8)
    return datasets.Dataset(names[0], tuple(names), x, y, x, y)


def test_names_are_shown_and_never_run(tmp_path):
    """Whatever stands in names of classes, data set and file."""
    names = ["evil" + name for name in EVIL]
    made = sd.models.build("dann-r", (4, 4, 1), len(names), synapses=3, backend=ENGINE)
    path = tmp_path / '<b onload="alert(1)">.h5'
    sd.save(made, path)
    text = report.of_checkpoint(path, dataset(names), backend=ENGINE)
    page = check(text)
    assert "alert" not in "".join(name for name, _ in page.elements)
    assert len(page.all("script")) == 1
    assert page.all("b") == []
    for name in (*names[:3], r"evila\nb", path.name):
        assert name in page.text


def test_a_data_set_in_the_place_of_the_one_trained_on(trained, digits):
    few = datasets.Dataset(
        "few",
        digits.class_names,
        digits.test_x,
        digits.test_y,
        digits.test_x[:7],
        digits.test_y[:7],
    )
    page = check(report.of_checkpoint(trained, few, backend=ENGINE))
    assert "tested with 7 images of few" in page.text


def test_what_is_not_known_is_said(tmp_path):
    sd.save(model("vann"), tmp_path / "a.h5")
    page = check(report.of_checkpoint(tmp_path / "a.h5", backend=ENGINE))
    said = "Left out: the checkpoint does not say what it was trained on: name a data set."
    for title in ("Confusions", "Most confused images", "Nodes"):
        assert page.section(title) == said
    assert "no finished epoch" in page.section("Training")
    assert "with which settings" in page.section("Configuration")
    assert "Left out" not in page.section("Receptive fields")
    assert "Left out" not in page.section("Weights")
    assert "A network of 36 inputs." in page.text


@pytest.fixture
def own(tmp_path):
    """A data set of one's own, and a checkpoint of a run on it."""
    data, path = tmp_path / "own.h5", tmp_path / "a.h5"
    datasets.write(dataset(["a", "b"]), data)
    settings = Settings(dataset=str(data), dendrites=2, somata=5, synapses=4, epochs=1)
    run(settings, path, backend=ENGINE, progress=False)
    return data, path


def write_other(data):
    """Images of another size in the place of those trained on."""
    x, y = np.zeros((4, 2, 2, 1), np.uint8), np.array([0, 1, 0, 1])
    datasets.write(datasets.Dataset("other", ("a", "b"), x, y, x, y), data)


@pytest.mark.parametrize(
    ("lose", "why"), [(lambda data: data.unlink(), "own.h5'"), (write_other, "4, 4, 1")]
)
def test_what_was_trained_on_is_gone(own, lose, why):
    """All is shown that needs no images; the rest says why not."""
    data, path = own
    lose(data)
    page = check(report.of_checkpoint(path, backend=ENGINE))
    for title in ("Confusions", "Most confused images", "Nodes"):
        said = page.section(title)
        assert said.startswith("Left out: what it was trained on cannot be used (")
        assert why in said
        assert said.endswith("): name a data set.")
    for title in ("Training", "Weights", "Receptive fields", "Configuration", "Network"):
        assert "Left out" not in page.section(title)
    assert "dann-lrf of 16 inputs." in page.text
    with pytest.raises(InputError):
        report.of_checkpoint(path, data, backend=ENGINE)


def test_a_model_that_is_not_known_here(own):
    """As a later version may have one."""
    _, path = own
    state = checkpoint.read(path, backend=ENGINE)
    state.about["settings"]["model"] = "dann-later"
    sd.save(state.network, path, training=state.training, about=state.about)
    page = check(report.of_checkpoint(path, backend=ENGINE))
    assert "A network of 16 inputs." in page.text
    for title in ("Configuration", "Confusions"):
        assert "dann-later" in page.section(title)
    assert "Left out" not in page.section("Training")


def test_weights_that_are_equal_but_for_rounding(tmp_path, monkeypatch):
    """What has no density is in the table alone, and of entropies a line."""

    def refuse(values):
        raise InputError("all of 9 values are 0.5 but for rounding: give some that differ")

    monkeypatch.setattr(analysis, "density", refuse)
    sd.save(model("dann-r", (4, 4, 1)), tmp_path / "a.h5")
    data = dataset([str(number) for number in range(10)])
    page = check(report.of_checkpoint(tmp_path / "a.h5", data, backend=ENGINE))
    assert "Left out" not in page.section("Weights") + page.section("Nodes")
    assert not any("Density of the weights" in each["alt"] for each in page.all("img"))
    assert any("Distribution of the entropy" in each["alt"] for each in page.all("img"))


def test_one_image_is_taken_for_another_class(tmp_path):
    """One of four that each have a pixel of their own."""
    x = np.zeros((4, 2, 2, 1), np.uint8)
    x.reshape(4, 4)[np.arange(4), np.arange(4)] = 255
    y = np.array([0, 1, 2, 0])
    made = sd.Network([sd.layers.Dense(4, 4)], (2, 2, 1), backend=ENGINE)
    made.parameters[:16] = np.eye(4).ravel()
    sd.save(made, tmp_path / "a.h5")
    data = datasets.Dataset("pixels", tuple("abcd"), x, y, x, y)
    page = check(report.of_checkpoint(tmp_path / "a.h5", data, backend=ENGINE))
    said = "Of 4 test images 1 is taken for another class."
    assert page.section("Most confused images").startswith(said)


def test_a_network_for_values_of_tables(tmp_path):
    made = sd.models.build("dann-r", 6, 1, synapses=2, backend=ENGINE)
    training = sd.Training()
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    sd.fit(made, x, x[:, 0], epochs=2, training=training)
    sd.save(made, tmp_path / "a.h5", training=training)
    page = check(report.of_checkpoint(tmp_path / "a.h5", backend=ENGINE))
    assert "takes rows of 6 features" in page.section("Receptive fields")
    assert "Left out" not in page.section("Training")


def test_a_network_that_is_always_right(tmp_path):
    """Each class has its own pixel."""
    x = np.zeros((4, 2, 2, 1), np.uint8)
    x.reshape(4, 4)[np.arange(4), np.arange(4)] = 255
    y = np.arange(4)
    made = sd.Network([sd.layers.Dense(4, 4)], (2, 2, 1), backend=ENGINE)
    made.parameters[:16] = np.eye(4).ravel()
    sd.save(made, tmp_path / "a.h5")
    data = datasets.Dataset("pixels", tuple("abcd"), x, y, x, y)
    page = check(report.of_checkpoint(tmp_path / "a.h5", data, backend=ENGINE))
    assert page.section("Most confused images") == "All 4 test images are right."
    assert "the network has no hidden layer" in page.section("Nodes")
    assert "Most frequent confusions" not in {each.get("aria-label") for each in page.all("div")}


def test_many_layers_and_nodes_that_never_respond(tmp_path):
    """Three hidden blocks of dense layers; all somata of the first are silent."""
    made = model("vann", (4, 4, 1), layers=3)
    made.layers[0].parameters["bias"][:] = -1e6
    made.layers[0].parameters["weights"][:] = 0
    sd.save(made, tmp_path / "a.h5")
    data = dataset([str(number) for number in range(10)])
    page = check(report.of_checkpoint(tmp_path / "a.h5", data, backend=ENGINE))
    nodes = page.section("Nodes")
    assert "hidden 1 12 12 – 0.00" in nodes
    assert "The first 4 of 6 layers are drawn." in nodes


def test_images_that_do_not_fit(tmp_path):
    sd.save(model("dann-r", (4, 4, 1)), tmp_path / "a.h5")
    with pytest.raises(InputError, match="4, 4, 1"):
        report.of_checkpoint(tmp_path / "a.h5", "digits", backend=ENGINE)


def test_other_classes(tmp_path):
    sd.save(model("dann-r", (4, 4, 1)), tmp_path / "a.h5")
    page = check(report.of_checkpoint(tmp_path / "a.h5", dataset(["a", "b"]), backend=ENGINE))
    assert "'a' has 2 classes, but the network tells 10 apart" in page.section("Confusions")
    assert "Left out" not in page.section("Nodes")


def test_the_same_checkpoint_gives_the_same_page(trained, page):
    assert report.of_checkpoint(trained, backend=ENGINE) == page.source


@pytest.mark.long
def test_fashion_mnist_within_its_bounds(tmp_path, originals, monkeypatch):
    """Of a network with 4,096 dendrites: under 3 MB."""
    monkeypatch.setenv("SPARSEDEND_ORIGINALS", str(originals("fmnist").parent))
    settings = Settings(dataset="fmnist", dendrites=16, somata=256, epochs=1)
    run(settings, tmp_path / "a.h5", backend=backends.create("numba"), progress=False)
    text = report.of_checkpoint(tmp_path / "a.h5")
    assert len(text.encode()) < 3e6
    check(text)
