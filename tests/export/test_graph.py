"""ONNX graphs, run by onnxruntime, against the network's own answers."""

import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import sparsedend as sd
from sparsedend import InputError, layers
from sparsedend.export import graph
from sparsedend.structure import Structure
from tests.export.networks import agree, answers, dann, made, named, samples

onnx = pytest.importorskip("onnx", reason="no onnx: pip install onnx")
runtime = pytest.importorskip("onnxruntime", reason="no onnxruntime: pip install onnxruntime")


def session(path):
    return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("model", ["dann-r", "dann-lrf", "pdann", "sann", "sann-grf", "vann-lrf"])
def test_models_are_small_files(model, in_onnx, tmp_path):
    """At most 1.3 times four bytes for each parameter and each index, with graph and padding."""
    network = dann(model)
    x = samples(network)
    agree(in_onnx(network, x), answers(network, x))
    indices = sum(each.nnz for layer in network.layers for each in layer.structures.values())
    assert (tmp_path / "net.onnx").stat().st_size <= 1.3 * 4 * (network.size + indices)


def test_even_rows_need_neither_padding_nor_a_tree_indices(tmp_path):
    sd.export.onnx(dann("dann-lrf"), tmp_path / "a.onnx")
    found = onnx.load(tmp_path / "a.onnx").graph
    names = {each.name: tuple(each.dims) for each in found.initializer}
    assert names["layer0_synapses_rows0_indices"] == (16, 512)
    assert names["layer0_synapses_rows0_weights"] == (16, 512, 1)
    assert names["layer0_cables_weights"] == (128, 4, 1)
    assert names["layer1_weights"] == (10, 128)
    operators = [node.op_type for node in found.node]
    assert operators == [
        "Transpose",
        *("Gather", "Mul", "ReduceSum", "Add", "LeakyRelu"),
        *("Reshape", "Mul", "ReduceSum", "Add", "LeakyRelu"),
        *("Gemm", "Softmax", "Transpose"),
    ]


def test_the_graph_says_what_it_takes_and_gives(tmp_path):
    """For any batch, and old runtimes too."""
    sd.export.onnx(dann(), tmp_path / "a.onnx")
    model = onnx.load(tmp_path / "a.onnx")
    assert (model.opset_import[0].version, model.ir_version) == (13, 7)
    assert model.producer_name == "sparsedend"
    (takes,), (gives,) = model.graph.input, model.graph.output
    assert takes.doc_string == "28 × 28 × 1 pixels, row by row, bytes divided by 255"
    assert gives.doc_string == "probabilities of the classes"
    opened = session(tmp_path / "a.onnx")
    assert opened.get_inputs()[0].shape == ["batch", 784]
    assert opened.get_outputs()[0].shape == ["batch", 10]
    for batch in (1, 2, 129):
        (found,) = opened.run(None, {"features": np.zeros((batch, 784), np.float32)})
        assert found.shape == (batch, 10)


def test_bytes_are_divided_by_255(in_onnx):
    network = dann("sann")
    images = np.random.default_rng(1).integers(0, 256, (9, 28, 28), dtype=np.uint8)
    pixels = images.reshape(9, 784).astype(np.float32) / 255
    agree(in_onnx(network, pixels), sd.predict(network, images, probabilities=True))


def test_a_network_of_float64(in_onnx):
    network = named("other dendrites", dtype=np.float64)
    x = samples(network, 20)
    agree(in_onnx(network, x), answers(network, x))


@st.composite
def structures(draw):
    """Of rows of any length."""
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    fan_in = draw(st.lists(st.integers(0, columns), min_size=rows, max_size=rows))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    chosen = [np.sort(rng.choice(columns, count, replace=False)) for count in fan_in]
    indices = np.concatenate([*chosen, np.empty(0, int)]).astype(int)
    return Structure(np.concatenate([[0], np.cumsum(fan_in)]), indices, (rows, columns))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(structures())
def test_any_structure(tmp_path_factory, structure):
    path = tmp_path_factory.mktemp("graphs") / "a.onnx"
    network = made([layers.Sparse(structure)], structure.shape[1], "squares")
    sd.export.onnx(network, path)
    x = samples(network, 5)
    agree(session(path).run(None, {"features": x})[0], answers(network, x))


@example([1, 0])
@given(st.lists(st.integers(0, 300), min_size=1, max_size=60))
@settings(derandomize=True)
def test_no_row_grows_by_over_a_quarter(fan_in):
    fan_in = np.array(fan_in)
    groups = graph.alike(fan_in)
    assert sorted(np.concatenate(groups)) == list(range(fan_in.size))
    for rows in groups:
        assert list(rows) == sorted(rows)
        lengths = np.maximum(fan_in[rows], 1)
        assert lengths.max() <= 1.25 * lengths.min()
    longest = [fan_in[rows].max() for rows in groups]
    for rows, longer in zip(groups[1:], longest, strict=False):
        assert 1.25 * max(fan_in[rows].max(), 1) < longer


def test_without_onnx(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"not installed: pip install 'sparsedend\[export\]'"):
        sd.export.onnx(named("one layer"), tmp_path / "a.onnx")


def test_what_no_file_of_onnx_can_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "MOST_BYTES", 199)
    with pytest.raises(InputError, match="would have 200 bytes, of which ONNX takes 199"):
        sd.export.onnx(named("one layer"), tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())
