"""Who connects to whom, against rules restated in plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sparsedend import connectivity
from sparsedend.errors import InputError

quick = settings(max_examples=40, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def generator(seed):
    return np.random.default_rng(seed)


def pixel_rings(columns, width, channels):
    """(row, column) of the pixels of one dendrite, each of which must be in every channel."""
    pixels, counts = np.unique(columns // channels, return_counts=True)
    assert (counts == channels).all()
    return [(int(pixel) // width, int(pixel) % width) for pixel in pixels]


def obeys_ring_rule(chosen, centre, height, width):
    """Whether `chosen` are complete rings around `centre`, the last one at most in part.

    The 3 × 3 pixels around the centre are the first ring.
    """
    rings = {}
    for row in range(height):
        for column in range(width):
            ring = max(1, abs(row - centre[0]), abs(column - centre[1]))
            rings.setdefault(ring, set()).add((row, column))
    left = set(chosen)
    for _, ring in sorted(rings.items()):
        if left <= ring:
            return True
        if not ring <= left:
            return False
        left -= ring
    return not left


@quick
@given(
    seeds, st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.integers(1, 12), st.data()
)
def test_local(seed, height, width, channels, dendrites, data):
    synapses = data.draw(st.integers(1, height * width))
    found = connectivity.local(generator(seed), (height, width, channels), dendrites, synapses)
    assert found.shape == (dendrites, height * width * channels)
    assert (found.fan_in == synapses * channels).all()
    for row in found.indices.reshape(dendrites, -1):
        chosen = pixel_rings(row, width, channels)
        assert len(chosen) == synapses
        centres = [(r, c) for r in range(height) for c in range(width)]
        assert any(obeys_ring_rule(chosen, centre, height, width) for centre in centres)


@quick
@given(seeds, st.integers(1, 7), st.integers(1, 7), st.integers(1, 4), st.data())
def test_centres_of_a_global_field_obey_the_ring_rule_too(seed, height, width, somata, data):
    """With one synapse from the 3 × 3 pixels around it, a centre is within 1 of its pixel."""
    dendrites = data.draw(st.integers(1, height * width))
    centres = generator(seed).integers(0, height * width, somata)
    found = connectivity._neighbourhoods(generator(seed), height, width, centres, dendrites)
    for centre, chosen in zip(centres, found, strict=True):
        assert len(set(chosen)) == dendrites
        pixels = [(int(pixel) // width, int(pixel) % width) for pixel in chosen]
        assert obeys_ring_rule(pixels, divmod(int(centre), width), height, width)


def test_dendrites_of_a_soma_have_distinct_centres_around_its_own():
    """On an image that is not square; the 3 × 3 pixels around a centre tell where it is."""
    height, width, somata, dendrites = 9, 40, 300, 16
    found = connectivity.global_(generator(6), (height, width, 1), somata, dendrites, 9)
    pixels = found.indices.reshape(somata, dendrites, 9)
    rows, columns = pixels // width, pixels % width
    away_from_borders = (np.ptp(rows, axis=2) == 2) & (np.ptp(columns, axis=2) == 2)
    for soma in np.flatnonzero(away_from_borders.all(axis=1)):
        centres = np.stack([rows[soma].mean(axis=1), columns[soma].mean(axis=1)], axis=1)
        assert len(np.unique(centres, axis=0)) == dendrites
        assert (np.ptp(centres, axis=0) <= 4).all()
    # Somata lie everywhere, and not where others do.
    assert np.unique(pixels).size == height * width
    assert np.unique(pixels.reshape(somata, -1), axis=0).shape[0] > 0.9 * somata


@pytest.mark.parametrize("dendrites", [1, 4, 9, 16, 64])
def test_global_fields_stay_around_their_soma(dendrites):
    """The dendrites of a soma lie together, and different somata elsewhere."""
    somata, side, synapses = 50, 28, 16
    found = connectivity.global_(generator(0), (side, side, 1), somata, dendrites, synapses)
    assert found.shape == (somata * dendrites, side * side)
    pixels = found.indices.reshape(somata, dendrites * synapses)
    # Rings around a corner grow twice as fast: sqrt(D) for the centres, sqrt(n) for the pixels.
    reach = 2 * (int(np.ceil(dendrites**0.5)) + int(np.ceil(synapses**0.5)))
    for soma in pixels:
        assert np.ptp(soma // side) <= reach
        assert np.ptp(soma % side) <= reach
    assert np.ptp(pixels // side) == side - 1


def test_sixteen_dendrites_of_a_soma_have_distinct_centres():
    """More than nine: the neighbourhood of centres has to grow."""
    centres = np.full(200, 14 * 28 + 14)
    found = connectivity._neighbourhoods(generator(1), 28, 28, centres, 16)
    block = {r * 28 + c for r in (13, 14, 15) for c in (13, 14, 15)}
    for chosen in found:
        assert len(set(chosen)) == 16
        assert block <= set(chosen)
    # The seven of the second ring vary, and all 16 pixels of that ring come up.
    assert len(set(found.ravel())) == 25


@pytest.mark.parametrize(("draw", "sizes", "moves"), [("local", (), 1), ("global_", (1,), 2)])
def test_centres_are_uniform(draw, sizes, moves):
    """On four pixels in a row: a move is from a centre to any of the pixels around it.

    A local field's synapse is one move from a centre that may be anywhere; that of a global field
    is two, from the soma's centre to the dendrite's and on.
    """
    found = getattr(connectivity, draw)(generator(7), (1, 4, 1), 60_000, *sizes, 1)
    move = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]], float)
    move /= move.sum(axis=1, keepdims=True)
    expected = np.full(4, 60_000 / 4) @ np.linalg.matrix_power(move, moves)
    assert stats.chisquare(np.bincount(found.indices), expected).pvalue > 0.001


@pytest.mark.parametrize("count", [1, 4, 12])
def test_part_of_a_ring_is_sampled_uniformly(count):
    """One or four of the nine pixels around a centre, or three of the sixteen beyond."""
    centres = np.full(20_000, 5 * 11 + 5)
    found = connectivity._neighbourhoods(generator(2), 11, 11, centres, count)
    counts = np.bincount(found.ravel(), minlength=121)
    partly = counts[(counts > 0) & (counts < len(centres))]
    assert len(partly) == (16 if count > 9 else 9)
    assert stats.chisquare(partly).pvalue > 0.001


def test_neighbourhoods_are_drawn_in_chunks(monkeypatch):
    monkeypatch.setattr(connectivity, "CHUNK", 5)
    centres = generator(3).integers(0, 63, 23)
    found = connectivity._neighbourhoods(generator(4), 7, 9, centres, 13)
    for centre, chosen in zip(centres, found, strict=True):
        assert len(set(chosen)) == 13
        pixels = [divmod(int(pixel), 9) for pixel in chosen]
        assert obeys_ring_rule(pixels, divmod(int(centre), 9), 7, 9)


@quick
@given(seeds, st.integers(1, 30), st.integers(1, 30), st.data())
def test_random(seed, dendrites, inputs, data):
    synapses = data.draw(st.integers(1, inputs))
    average = connectivity.random(generator(seed), inputs, dendrites, synapses)
    assert average.nnz == synapses * dendrites
    exact = connectivity.random(generator(seed), inputs, dendrites, synapses, exact=True)
    assert (exact.fan_in == synapses).all()
    assert average.shape == exact.shape == (dendrites, inputs)


def test_random_fan_in_is_hypergeometric():
    """A dendrite's fan-in when n·D positions are drawn without replacement from all N·D."""
    inputs, dendrites, synapses = 100, 50_000, 16
    fan_in = connectivity.random(generator(3), inputs, dendrites, synapses).fan_in
    law = stats.hypergeom(inputs * dendrites, synapses * dendrites, inputs)
    assert fan_in.mean() == pytest.approx(16)
    assert fan_in.var() == pytest.approx(law.var(), rel=0.02)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("synapses", [3, 7])
def test_random_inputs_are_uniform(exact, synapses):
    found = connectivity.random(generator(4), 10, 30_000, synapses, exact=exact)
    assert stats.chisquare(np.bincount(found.indices)).pvalue > 0.001


@pytest.mark.parametrize("total", [2, 3, 5])
def test_positions_are_uniform_over_all_sets(total):
    """Of six positions in 2 × 3: fewer than half, half, and by choosing those that are absent."""
    rng = generator(8)
    drawn = [connectivity.sample_positions(rng, 2, 3, total) for _ in range(6000)]
    sets = [(1 << 3 * each.rows + each.indices).sum() for each in drawn]
    names, counts = np.unique(sets, return_counts=True)
    assert len(names) == math.comb(6, total)
    assert all(int(name).bit_count() == total for name in names)
    assert stats.chisquare(counts).pvalue > 0.001


def test_exact_subsets_are_uniform():
    found = connectivity.random(generator(5), 5, 40_000, 2, exact=True).indices.reshape(-1, 2)
    counts = np.bincount(found[:, 0] * 5 + found[:, 1])
    assert np.count_nonzero(counts) == 10
    assert stats.chisquare(counts[counts > 0]).pvalue > 0.001


@quick
@given(st.integers(1, 20), st.integers(1, 20))
def test_tree(somata, dendrites):
    cables = connectivity.tree(somata, dendrites).matrix(np.ones(somata * dendrites)).toarray()
    np.testing.assert_array_equal(cables, np.kron(np.eye(somata), np.ones(dendrites)))


def test_a_tree_of_unequal_somata():
    found = connectivity.tree(4, [2, 0, 3, 1])
    np.testing.assert_array_equal(
        found.matrix(np.ones(6)).toarray(),
        [[1, 1, 0, 0, 0, 0], [0] * 6, [0, 0, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1]],
    )
    assert found.rule == connectivity.tree(4, 2).rule == "tree"


@pytest.mark.parametrize("dendrites", [[1, 2], [1, -1, 2], [1.0, 2.0, 3.0], [[1, 2, 3]], 0, 1.5])
def test_dendrites_that_make_no_tree(dendrites):
    with pytest.raises(InputError, match="dendrites"):
        connectivity.tree(3, dendrites)


@pytest.mark.parametrize(
    ("somata", "shape"), [(1, (1, 1)), (7, (1, 7)), (12, (3, 4)), (64, (8, 8)), (128, (8, 16))]
)
def test_grid_shape(somata, shape):
    assert connectivity.grid_shape(somata) == (*shape, 1)


@pytest.mark.parametrize("draw", ["local", "global_", "random"])
def test_same_seed_same_connections(draw):
    def drawn(seed):
        sizes = {
            "local": ((9, 9, 2), 12, 7),
            "global_": ((9, 9, 2), 3, 4, 7),
            "random": (162, 12, 7),
        }
        return getattr(connectivity, draw)(generator(seed), *sizes[draw]).indices

    np.testing.assert_array_equal(drawn(1), drawn(1))
    assert not np.array_equal(drawn(1), drawn(2))


def test_what_a_seed_means():
    """These connections are in checkpoints and published figures: a seed must keep meaning them."""
    drawn = {
        "local": connectivity.local(generator(0), (5, 5, 1), 2, 4),
        "global": connectivity.global_(generator(0), (5, 5, 1), 1, 2, 4),
        "average": connectivity.random(generator(0), 25, 2, 4),
        "exact": connectivity.random(generator(0), 25, 2, 4, exact=True),
        "dense": connectivity.sample_positions(generator(0), 3, 4, 10),
    }
    found = {name: (each.indptr.tolist(), each.indices.tolist()) for name, each in drawn.items()}
    assert found == {
        "local": ([0, 4, 8], [16, 20, 21, 22, 10, 11, 16, 20]),
        "global": ([0, 4, 8], [15, 17, 20, 22, 17, 21, 22, 23]),
        "average": ([0, 5, 8], [0, 2, 3, 13, 15, 0, 6, 17]),
        "exact": ([0, 4, 8], [1, 7, 11, 18, 0, 6, 14, 24]),
        "dense": ([0, 4, 7, 10], [0, 1, 2, 3, 0, 1, 2, 0, 1, 3]),
    }
    rules = [each.rule for each in drawn.values()]
    assert rules == ["local", "global", "random", "random", "random"]


@pytest.mark.parametrize(
    ("draw", "sizes", "message"),
    [
        ("local", ((4, 4, 3), 5, 17), "synapses is 17, but there are only 16 pixels"),
        ("local", ((4, 4, 3), 0, 2), "dendrites is 0"),
        ("global_", ((4, 4, 1), 2, 17, 3), "dendrites is 17"),
        ("global_", ((4, 4, 1), -1, 2, 3), "somata is -1"),
        ("random", (10, 5, 11), "synapses is 11, but there are only 10 inputs"),
        ("random", (10, 5, 0), "synapses is 0"),
        ("random", (0, 5, 1), "inputs is 0"),
        ("random", (10, 0, 1), "dendrites is 0"),
        ("local", ((4, 4, 3), 5, 0), "synapses is 0"),
        ("global_", ((4, 4, 1), 2, 0, 3), "dendrites is 0"),
        ("global_", ((4, 4, 1), 2, 3, 0), "synapses is 0"),
        ("global_", ((4, 4, 1), 2, 3, 17), "synapses is 17, but there are only 16 pixels"),
        ("sample_positions", (2, 3, 7), "7 connections in 2 × 3"),
        ("sample_positions", (0, 3, 1), "rows is 0"),
        ("sample_positions", (2, 0, 1), "columns is 0"),
        ("sample_positions", (2, 3, 0), "total is 0"),
    ],
)
def test_impossible_sizes_are_refused(draw, sizes, message):
    with pytest.raises(InputError, match=message):
        getattr(connectivity, draw)(generator(0), *sizes)


@pytest.mark.parametrize("shape", [(28, 28), 784, None, (28, 28, 1, 1)])
@pytest.mark.parametrize("draw", ["local", "global_"])
def test_shapes_of_no_image_are_refused(draw, shape):
    sizes = (2, 4) if draw == "local" else (2, 2, 4)
    with pytest.raises(InputError, match=r"image shape is .*: give height, width and channels"):
        getattr(connectivity, draw)(generator(0), shape, *sizes)
    for wrong, message in (
        ((28, 28, 0), "channels is 0: give a whole number"),
        ((28.5, 28, 1), r"height is 28\.5: give a whole number"),
        ((2**15, 2**15, 4), "values in a sample is 4294967296, but there are only 2147483647"),
    ):
        with pytest.raises(InputError, match=message):
            getattr(connectivity, draw)(generator(0), wrong, *sizes)


@pytest.mark.parametrize(
    ("draw", "sizes", "kinds"),
    [
        ("sample_positions", (70_000, 70_000, 1000), [np.int32, np.uint32]),
        ("random", (120, 100, 10), [np.uint8, np.int8]),
        ("local", ((20, 20, 1), 100, 10), [np.int8, np.uint8]),
        ("global_", ((20, 20, 1), 10, 20, 10), [np.int8, np.uint8]),
    ],
)
def test_numbers_of_numpy_s_give_what_those_of_python_give(draw, sizes, kinds):
    """Their products do not fit into their own types."""
    made = getattr(connectivity, draw)(generator(0), *sizes)
    for kind in kinds:
        given = (tuple(map(kind, n)) if isinstance(n, tuple) else kind(n) for n in sizes)
        found = getattr(connectivity, draw)(generator(0), *given)
        np.testing.assert_array_equal(found.indptr, made.indptr)
        np.testing.assert_array_equal(found.indices, made.indices)
        assert {type(size) for size in found.shape} == {int}


def test_sizes_up_to_the_limits_are_allowed():
    assert connectivity.local(generator(0), (4, 4, 1), 5, 16).nnz == 80
    assert connectivity.global_(generator(0), (4, 4, 1), 2, 16, 16).nnz == 512
    assert connectivity.random(generator(0), 10, 5, 10).nnz == 50
    assert connectivity.random(generator(0), 10, 5, 10, exact=True).nnz == 50
    assert connectivity.sample_positions(generator(0), 2, 3, 6).nnz == 6


@pytest.mark.parametrize(
    ("somata", "dendrites", "message"),
    [
        (0, 2, "somata is 0"),
        (2, 0, "dendrites is 0"),
        (2, 1.5, "dendrites is 1.5: give a whole number"),
        (2, [1, 2, 3], r"dendrites are \[1, 2, 3\] for 2 somata"),
        (2, [1, -1], r"dendrites are \[1, -1\] for 2 somata"),
        (2, [1, [2]], r"dendrites are \[1, \[2\]\] for 2 somata"),
        (2, None, "dendrites are None for 2 somata"),
    ],
)
def test_impossible_trees_are_refused(somata, dendrites, message):
    with pytest.raises(InputError, match=message):
        connectivity.tree(somata, dendrites)


@pytest.mark.long
@pytest.mark.parametrize("draw", ["local", "random"])
def test_a_million_dendrites_stay_small(draw):
    """Drawing them takes less than 1.5 GB, the process and its imports included."""
    import subprocess
    import sys

    sizes = "(32, 32, 3), 1_000_000, 16" if draw == "local" else "3072, 1_000_000, 16"
    code = (
        "import resource, numpy as np\n"
        "from sparsedend import connectivity\n"
        f"connectivity.{draw}(np.random.default_rng(0), {sizes})\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert int(answer.stdout) < 1.5e9
