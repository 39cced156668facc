"""Portions of samples: which, how many at once, and in what order."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from sparsedend import InputError
from sparsedend.feeds import BLOCK, WINDOW, Arrays, Batches


def numbered(samples, features=3, dtype=np.float32):
    """Samples that say which they are, with targets that do."""
    x = np.arange(samples, dtype=dtype)[:, None] * np.ones(features, dtype)
    return x, np.arange(samples)


def taken(feed, batch_size, **named):
    """Numbers of the samples of each portion, in the order in which they are taken."""
    found = []
    for portion in feed.portions(batch_size, **named):
        pieces = list(portion.pieces)
        x, y = (np.concatenate([each[i] for each in pieces]) for i in (0, 1))
        np.testing.assert_array_equal(x[:, 0], y)
        assert portion.room is None or len(y) <= portion.room <= len(feed)
        found.append(y if portion.order is None else y[portion.order])
    return found


@given(
    st.integers(1, 400),
    st.integers(1, 30),
    st.integers(1, 500),
    st.one_of(st.none(), st.integers(1, 60)),
    st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_every_sample_comes_once_an_epoch_in_full_windows(samples, batch, window, chunk, epoch):
    class Chunked(np.ndarray):
        chunks = None if chunk is None else (chunk, 3)

    x, y = numbered(samples)
    feed = Arrays(x.view(Chunked), y, window=window)
    found = taken(feed, batch, seed=1, epoch=epoch)
    full = max(1, window // batch) * batch
    assert [len(each) for each in found[:-1]] == [full] * (len(found) - 1)
    assert sum(map(len, found)) == samples == len(feed)
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), y)
    assert feed.batches(batch) == sum(-(-len(each) // batch) for each in found)
    np.testing.assert_array_equal(np.concatenate(taken(feed, batch)), y)


def test_blocks_are_whole_chunks_and_come_together():
    """A sample is in the window of its block, or in the next."""
    x, y = numbered(1000)

    class Chunked(np.ndarray):
        chunks = (10, 2)

    feed = Arrays(x.view(Chunked), y, window=200)
    assert feed.block == 10
    windows = taken(feed, 50, seed=3)
    place = np.empty(1000, int)
    for number, window in enumerate(windows):
        place[window] = number
    by_block = place.reshape(100, 10)
    assert (by_block.max(axis=1) - by_block.min(axis=1) <= 1).all()
    # Windows hold blocks from all over, shuffled within.
    assert len(np.unique(windows[0] // 10)) == 20
    assert np.ptp(windows[0]) > 800
    assert (np.diff(windows[0]) == 1).mean() < 0.1


def test_where_all_fit_into_the_window_the_shuffle_is_of_all():
    """Each sample is equally likely in every place: the mean of 2,000 epochs says so."""
    feed = Arrays(*numbered(12), window=12)
    places = np.array([np.argsort(taken(feed, 4, seed=1, epoch=each)[0]) for each in range(2000)])
    assert abs(places.mean(axis=0) - 5.5).max() < 0.4
    assert len({tuple(each) for each in places}) > 1990


def test_seeds_and_epochs_have_orders_of_their_own():
    feed = Arrays(*numbered(300), window=64)
    orders = {
        tuple(np.concatenate(taken(feed, 16, seed=seed, epoch=epoch)))
        for seed in (1, 2)
        for epoch in (0, 1, 2)
    }
    assert len(orders) == 6
    again = np.concatenate(taken(feed, 16, seed=2, epoch=1))
    assert tuple(again) in orders


def test_a_share_is_held_out_in_whole_blocks():
    x, y = numbered(1000)
    feed = Arrays(x, y, window=160)
    parts = [np.concatenate(taken(each, 16)) for each in feed.split(0.2, 5)]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), y)
    assert len(parts[1]) == pytest.approx(200, abs=feed.block)
    assert (np.diff(parts[1]) > 0).all()
    other = np.concatenate(taken(feed.split(0.2, 6)[1], 16))
    assert not np.array_equal(parts[1], other)
    training, _ = feed.split(0.2, 5)
    np.testing.assert_array_equal(np.sort(np.concatenate(taken(training, 16, seed=1))), parts[0])
    assert len(training) == len(parts[0])


def test_what_is_read_at_once_is_bounded():
    """By bytes where nothing is said, and never more than the window."""

    class Claimed:
        chunks = None

        def __init__(self, *shape, dtype=np.uint8):
            self.shape, self.dtype = shape, np.dtype(dtype)

        def __getitem__(self, part):
            raise AssertionError("nothing is read yet")

    images = Arrays(Claimed(10**7, 224, 224, 3), Claimed(10**7, dtype=np.int64))
    assert images.window == WINDOW // (4 * 224 * 224 * 3)
    assert 1 <= images.block <= BLOCK // (4 * 224 * 224 * 3)
    wide = Arrays(Claimed(10**7, 100, dtype=np.float64), Claimed(10**7))
    assert wide.window == WINDOW // 800
    assert wide.block == BLOCK // 800
    assert Arrays(Claimed(10**7, 100), Claimed(10**7), window=320).block == 20


def test_data_sets_of_hdf5_and_memory_maps(tmp_path):
    x, y = numbered(500)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=x, chunks=(16, 3))
        file["y"] = y
        feed = Arrays(file["x"], file["y"], window=128)
        assert feed.block == 16
        from_file = taken(feed, 32, seed=2)
    np.save(tmp_path / "x.npy", x)
    mapped = Arrays(np.load(tmp_path / "x.npy", mmap_mode="r"), y, window=128)
    np.testing.assert_array_equal(np.sort(np.concatenate(from_file)), y)
    np.testing.assert_array_equal(np.sort(np.concatenate(taken(mapped, 32, seed=2))), y)


def test_arrays_of_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    given_ = numbered(500)
    arrays = []
    for number, values in enumerate(given_):
        shape = {"shape": values.shape, "chunks": (16, *values.shape[1:])}
        path = str(tmp_path / f"{number}.zarr")
        arrays.append(zarr.open_array(path, mode="w", dtype=values.dtype, **shape))
        arrays[-1][:] = values
    feed = Arrays(*arrays, window=128)
    assert feed.block == 16
    np.testing.assert_array_equal(np.sort(np.concatenate(taken(feed, 32, seed=2))), given_[1])


def test_weights_stay_with_their_samples():
    x, y = numbered(100)
    weights = 2.0 * y
    for augment in (None, lambda x, y, random: (x + 0, y)):
        feed = Arrays(x, y, sample_weight=weights, window=48, augment=augment)
        for part in (feed, *feed.split(0.2, 1)):
            pieces = [each for portion in part.portions(16, seed=1) for each in portion.pieces]
            for each in pieces:
                np.testing.assert_array_equal(each.weights, 2.0 * each.y)
            told = list(part.targets())
            assert all(each.x is None for each in told)
            np.testing.assert_array_equal(
                np.sort(np.concatenate([each.y for each in told])),
                np.sort(np.concatenate([each.y for each in pieces])),
            )
            for each in told:
                np.testing.assert_array_equal(each.weights, 2.0 * each.y)
    (piece,) = next(iter(Batches([(x, y, weights)]).portions(16))).pieces
    assert piece.weights is weights
    assert list(Batches([(x, y, weights)]).targets()) == []


def test_rows_of_a_sparse_matrix_are_augmented_as_dense_ones():
    x, y = numbered(60)
    feed = Arrays(csr_array(x), y, window=60, augment=lambda x, y, random: (2 * x, y))
    pieces = [next(iter(each.pieces)) for each in feed.portions(16, seed=1)]
    np.testing.assert_array_equal(
        np.concatenate([each.x for each in pieces])[:, 0],
        2 * np.concatenate([each.y for each in pieces]),
    )


def test_batches_come_as_they_are():
    given_ = [numbered(5), numbered(2), list(numbered(7))]
    for source in (given_, lambda: iter(given_)):
        feed = Batches(source)
        for _ in range(2):
            assert [len(each) for each in taken(feed, 4, seed=1)] == [5, 2, 7]
    assert Batches(given_).batches(4) == 3
    assert Batches(lambda: given_).batches(4) == 0


def test_a_source_is_not_begun_to_be_looked_at():
    """Its length may be refused, as by PyTorch's loaders of streams; beginning it may draw."""

    class Loader:
        begun = 0

        def __len__(self):
            raise TypeError("object of type 'Stream' has no len()")

        def __iter__(self):
            self.begun += 1
            return iter([numbered(5)])

    feed = Batches(loader := Loader())
    assert feed.batches(4) == 0
    assert loader.begun == 0
    assert [len(each) for each in taken(feed, 4)] == [5]
    assert loader.begun == 1


def test_a_loader_of_pytorch_s():
    """Of a stream of samples, whose loader cannot tell how many batches come."""
    torch = pytest.importorskip("torch")

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(range(6))

    loader = torch.utils.data.DataLoader(
        Stream(), 2, collate_fn=lambda found: (np.ones((2, 3)) * found[0], np.array(found))
    )
    before = torch.random.get_rng_state()
    feed = Batches(loader)
    assert feed.batches(2) == 0
    assert torch.equal(torch.random.get_rng_state(), before)
    assert sum(1 for _ in feed.portions(2)) == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Batches(3), "batches are int: give a function that returns"),
        (lambda: Batches(iter([])), "a list_iterator, which can be gone through once: give a func"),
        (lambda: list(Batches([3]).portions(1)), "batch 0 of the feed is int: give a pair"),
        (lambda: list(Batches([(1, 2, 3, 4)]).portions(1)), "batch 0 of the feed is tuple"),
        (lambda: Batches([]).split(0.1, 1), "a share of 0.1, but nobody knows how many batches"),
        (lambda: Arrays([1], [2]), "inputs are list: give an array that can be sliced"),
        (lambda: Arrays(np.zeros((3, 2)), np.zeros(2)), "there are 3 inputs and 2 targets"),
        (lambda: Arrays(np.zeros((0, 2)), np.zeros(0)), "there are 0 inputs and 0 targets"),
        (
            lambda: Arrays(*numbered(3), sample_weight=np.ones(4)),
            "there are 3 inputs and 3 targets and 4 sample weights: give one of each",
        ),
        (lambda: Arrays(*numbered(3), sample_weight=[1] * 3), "sample weights are list: give an a"),
        (lambda: Arrays(np.float32(1), np.ones(1)), "there are 0 inputs and 1 targets"),
        (lambda: Arrays(*numbered(3), window=0), "window is 0"),
        (lambda: Arrays(*numbered(3)).split(1.0, 1), "the share of validation is 1"),
        (lambda: Arrays(*numbered(1)).split(0.5, 1), "of 1 blocks with 1 held out none is left"),
        (
            lambda: list(Arrays(*numbered(3), augment=lambda x, y, random: x).portions(2, seed=1)),
            "augment returned ndarray: return inputs and targets",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_augmentation_is_of_the_batches_that_are_trained_on():
    x, y = numbered(100)
    before = x.copy()
    sizes = []

    def augment(x, y, random):
        sizes.append(len(x))
        x += random.integers(0, 2, len(x))[:, None].astype(x.dtype) * 1000
        return x, y

    feed = Arrays(x, y, window=48, augment=augment)

    def changed(seed, epoch):
        pieces = [next(iter(each.pieces)) for each in feed.portions(16, seed=seed, epoch=epoch)]
        return np.concatenate([each.x[:, 0] for each in pieces])

    first = changed(1, 0)
    assert sizes == [16] * 6 + [4]
    np.testing.assert_array_equal(np.sort(first % 1000), y)
    assert 20 < (first >= 1000).sum() < 80
    np.testing.assert_array_equal(changed(1, 0), first)
    assert not np.array_equal(changed(1, 1), first)
    assert not np.array_equal(changed(2, 0), first)
    # Neither the arrays nor what is validated on are changed.
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(np.concatenate(taken(feed, 16)), y)


def test_repr():
    assert repr(Arrays(*numbered(6400), window=320)) == (
        "<Arrays of 6,400 samples in 320 blocks, shuffled in windows of 320>"
    )
