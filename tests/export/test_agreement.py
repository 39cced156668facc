"""Every format gives the network's own answers."""

from functools import partial

import pytest

from tests.export.networks import COMPILERS, LOSSES, STACKS, agree, answers, named, samples


@pytest.fixture(params=["onnx", "numpy", *COMPILERS])
def run(request):
    """Outputs of samples, by a format."""
    if request.param in ("onnx", "numpy"):
        return request.getfixturevalue(f"in_{request.param}")
    return partial(request.getfixturevalue("in_c"), compiler=request.param)


@pytest.mark.parametrize("name", STACKS)
def test_every_layer(name, run):
    network = named(name)
    x = samples(network, 200)
    agree(run(network, x), answers(network, x))


def test_large_outputs_do_not_overflow(run):
    network = named("dense")
    network.parameters *= 20
    x = samples(network, 20)
    assert abs(answers(network, x, raw=True)).max() > 200
    agree(run(network, x), answers(network, x))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("raw", [False, True])
def test_every_loss(loss, raw, run):
    network = named("two blocks", loss)
    x = samples(network, 20)
    asked = {"raw": True} if raw else {}
    agree(run(network, x, raw=raw), answers(network, x, **asked))
