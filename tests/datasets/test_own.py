import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy import sparse

from sparsedend import InputError, datasets
from tests.datasets.test_datasets import assert_equal, made

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 4, 5), dtype=np.uint8)
LABELS = np.arange(20) % 3


def test_arrays_are_split_into_training_and_test():
    dataset = datasets.from_arrays("mine", IMAGES, LABELS, test_fraction=0.25)
    assert (dataset.train_x.shape, dataset.test_x.shape) == ((15, 4, 5, 1), (5, 4, 5, 1))
    assert dataset.class_names == ("0", "1", "2")
    for x, y in ((dataset.train_x, dataset.train_y), (dataset.test_x, dataset.test_y)):
        for image, label in zip(x, y, strict=True):
            (where,) = np.flatnonzero((image[..., 0] == IMAGES).all(axis=(1, 2)))
            assert LABELS[where] == label


def test_which_images_are_held_out_is_a_matter_of_the_seed():
    for seed in (1, 7):
        # The stream "split" of the seed is the first of the seed's children.
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
        order = rng.permutation(20)
        dataset = datasets.from_arrays("mine", IMAGES, LABELS, test_fraction=0.13, seed=seed)
        assert len(dataset.test_x) == 3, "rounded, not cut off"
        np.testing.assert_array_equal(dataset.train_x[..., 0], IMAGES[order[:17]])
        np.testing.assert_array_equal(dataset.train_y, LABELS[order[:17]])
        np.testing.assert_array_equal(dataset.test_x[..., 0], IMAGES[order[17:]])
        np.testing.assert_array_equal(dataset.test_y, LABELS[order[17:]])


def sources(folder):
    """The same twenty images as a folder of pictures and as HDF5 files of three layouts."""
    for name in ("ant", "bee"):
        (folder / "pictures" / name).mkdir(parents=True)
    for number, image in enumerate(IMAGES):
        name = "ant" if number < 10 else "bee"
        Image.fromarray(image).save(folder / "pictures" / name / f"{number:02}.png")
    labels = np.repeat(["ant", "bee"], 10).astype("S")
    for layout in ("", "train/"):
        with h5py.File(folder / f"{layout[:5]}.h5", "w") as file:
            file[f"{layout}x"], file[f"{layout}y"] = IMAGES, labels
    with h5py.File(folder / "named.h5", "w") as file:
        file["x"], file["y"] = IMAGES, np.repeat([0, 1], 10)
        file.attrs["class_names"] = ["ant", "bee"]
    return [folder / name for name in ("pictures", ".h5", "train.h5", "named.h5")]


def test_all_sources_make_the_same_data_set_with_every_seed_and_fraction(tmp_path):
    labels = np.repeat(["ant", "bee"], 10)
    for options in ({}, {"seed": 2}, {"test_fraction": 0.3}):
        expected = datasets.from_arrays("mine", IMAGES, labels, **options)
        for source in sources(tmp_path / str(options)):
            assert_equal(datasets.from_path("mine", source, **options), expected)


def test_images_in_colour_and_of_floats_stay_as_they_are():
    images = np.linspace(0, 1, 20 * 2 * 3 * 3).reshape(20, 2, 3, 3)
    dataset = datasets.from_arrays("mine", images, LABELS)
    assert dataset.image_shape == (2, 3, 3)
    assert dataset.train_x.dtype == np.float64
    parts = np.concatenate([dataset.train_x, dataset.test_x])
    np.testing.assert_array_equal(np.sort(parts, axis=0), images)


def test_lists_are_arrays():
    dataset = datasets.from_arrays("mine", list(IMAGES), LABELS.tolist())
    assert_equal(dataset, datasets.from_arrays("mine", IMAGES, LABELS))


@pytest.mark.parametrize("seed", [-1, None, 1.5])
def test_what_is_no_seed_is_refused_before_anything_is_read(tmp_path, seed):
    (tmp_path / "a.h5").write_text("no HDF5")
    for make in (
        lambda: datasets.from_arrays("mine", None, None, seed=seed),
        lambda: datasets.from_path("mine", tmp_path / "a.h5", seed=seed),
    ):
        with pytest.raises(InputError, match=f"^seed is {seed}:"):
            make()


def test_labels_with_a_gap_are_told():
    words = "the labels are not 0 … 2 but 1, 2, 3: they become the classes 0 … 2 in that order"
    with pytest.warns(UserWarning, match=words) as told:
        dataset = datasets.from_arrays("mine", IMAGES, LABELS + 1)
    assert (len(told), told[0].filename) == (1, __file__)
    assert dataset.class_names == ("1", "2", "3")
    unshifted = datasets.from_arrays("mine", IMAGES, LABELS)
    np.testing.assert_array_equal(dataset.train_y, unshifted.train_y)


def test_texts_become_classes():
    names = np.array(["cat", "ant", "bee"])[LABELS]
    dataset = datasets.from_arrays("mine", IMAGES, names)
    assert dataset.class_names == ("ant", "bee", "cat")
    assert np.bincount(np.concatenate([dataset.train_y, dataset.test_y])).tolist() == [7, 6, 7]


@pytest.mark.parametrize("layout", ["", "train/", "parts"])
def test_hdf5(tmp_path, layout):
    if layout == "parts":
        datasets.write(made(), tmp_path / "a.h5")
        assert_equal(datasets.from_path("any", tmp_path / "a.h5"), made(name="any"))
    else:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file[f"{layout}x"] = IMAGES
            file[f"{layout}y"] = ["ant" if label else "bee" for label in LABELS]
        dataset = datasets.from_path("mine", tmp_path / "a.h5")
        assert (dataset.name, dataset.class_names) == ("mine", ("ant", "bee"))


def pictures(folder, classes=("ant", "bee"), mode="L", size=(6, 4), count=5):
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        (folder / name / "notes.txt").write_text("no picture")
        for i in range(count):
            colour = 10 * number + i if mode == "L" else (10 * number, i, 99)
            Image.new(mode, size, colour).save(folder / name / f"{i}.png")


def one_each(folder, save):
    """A folder of two classes of one picture each, and the data set of it."""
    for name in ("ant", "bee"):
        (folder / name).mkdir(parents=True)
        save(folder / name)
    return datasets.from_path("mine", folder, test_fraction=0.5)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_a_folder_of_class_folders(tmp_path, mode, channels):
    pictures(tmp_path, mode=mode)
    dataset = datasets.from_path("mine", tmp_path, test_fraction=0.2)
    assert dataset.train_x.shape == (8, 4, 6, channels)
    assert dataset.class_names == ("ant", "bee")
    assert (dataset.train_x[:, 0, 0, 0] // 10 == dataset.train_y).all()


def test_folders_for_training_and_test(tmp_path):
    pictures(tmp_path / "train", count=4)
    pictures(tmp_path / "test", count=2)
    dataset = datasets.from_path("mine", tmp_path)
    assert (len(dataset.train_x), len(dataset.test_x)) == (8, 4)
    assert dataset.test_x[2, 0, 0, 0] == 10


@pytest.mark.parametrize(
    ("images", "labels", "fraction", "message"),
    [
        (IMAGES, LABELS[:5], 0.1, "give .images, height, width"),
        (IMAGES[0], LABELS, 0.1, "images have shape"),
        (IMAGES, LABELS, 0.0, "test fraction is 0: give"),
        (IMAGES, LABELS, 1.0, "test fraction is 1: give"),
        (IMAGES, LABELS, np.nan, "test fraction is nan"),
        (IMAGES, LABELS, "0.1", "test fraction is '0.1': give"),
        (IMAGES[:2], LABELS[:2], 0.1, "takes 0 of 2 images"),
        (IMAGES, LABELS, 0.99, "takes 20 of 20 images"),
        (IMAGES, LABELS - 1, 0.1, "label -1 of image 0 is below 0"),
        (np.ma.array(IMAGES), LABELS, 0.1, "images is a masked array: fill in what is masked"),
        (IMAGES, np.ma.array(LABELS), 0.1, "labels is a masked array"),
        (sparse.csr_array(IMAGES[:, 0]), LABELS, 0.1, "images are csr_array: give an array"),
        ([[1, 2], [3]], LABELS, 0.1, "images are no array .*inhomogeneous.*: give an array"),
        (IMAGES, None, 0.1, "labels are NoneType: give an array"),
        (IMAGES, LABELS + 0.5, 0.1, "labels are float64: give integers or texts"),
        (IMAGES.astype(np.int64), LABELS, 0.1, "is int64: give uint8"),
        (np.where(IMAGES > 250, np.nan, 0.5), LABELS, 0.1, "holds nan"),
    ],
)
def test_unusable_arrays_are_refused(images, labels, fraction, message):
    with pytest.raises(InputError, match=message) as told:
        datasets.from_arrays("mine", images, labels, test_fraction=fraction)
    assert "\n" not in str(told.value)


def test_texts_in_hdf5_beyond_ascii(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = IMAGES, ["Ü" if label else "ä" for label in LABELS]
    assert datasets.from_path("mine", tmp_path / "a.h5").class_names == ("Ü", "ä")


def test_named_classes_of_numbers_are_checked(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = IMAGES, LABELS
        file.attrs["class_names"] = ["ant", "bee"]
    with pytest.raises(InputError, match=r"holds label 2 at .*, one for each of the 2 class names"):
        datasets.from_path("mine", tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.attrs["class_names"] = ["ant", "bee", "cow", "dog", "eel"]
    with pytest.warns(UserWarning, match="of 5 classes, and classes dog, eel have no images: add"):
        assert datasets.from_path("mine", tmp_path / "a.h5").classes == 5


def test_16_bits_become_8(tmp_path):
    values = np.array([[0, 256, 32768], [65535, 512, 1]], np.uint16)
    dataset = one_each(tmp_path, lambda folder: Image.fromarray(values).save(folder / "0.png"))
    assert dataset.train_x[0, :, :, 0].tolist() == [[0, 1, 128], [255, 2, 0]]


@pytest.mark.parametrize(
    "value", [np.int32(2**16), np.int32(-1), np.int32(155), np.int32(2**15), np.float32(0.5)]
)
def test_other_numbers_than_those_of_16_bits_are_refused(tmp_path, value):
    values = np.full((2, 3), value)
    with pytest.raises(InputError, match=r"0.tif' has values of more than 16 bits, or with"):
        one_each(tmp_path, lambda folder: Image.fromarray(values).save(folder / "0.tif"))


def test_16_bits_of_other_formats(tmp_path):
    for name, head in (("0.ppm", b"P5 3 1 65535\n"), ("0.tif", None)):
        values = np.array([[0, 256, 65535]], np.uint16)

        def save(folder, name=name, head=head, values=values):
            if head is None:
                Image.fromarray(values).save(folder / name)
            else:
                (folder / name).write_bytes(head + values.byteswap().tobytes())

        dataset = one_each(tmp_path / name[2:], save)
        assert dataset.train_x[0, :, :, 0].tolist() == [[0, 1, 255]]


@pytest.mark.parametrize("ending", ["tif", "gif", "webp", "png"])
def test_several_pictures_in_a_file_are_refused(tmp_path, ending):
    """Of which the first alone would be read."""
    one, *more = (Image.new("L", (3, 2), grey) for grey in (10, 100, 200))

    def save(folder):
        one.save(folder / f"0.{ending}", save_all=True, append_images=more)

    with pytest.raises(InputError, match=rf"0\.{ending}' holds 3 pictures: save each in a file of"):
        one_each(tmp_path, save)


def test_the_previews_of_a_camera_are_left_out(tmp_path):
    one, two = (Image.new("RGB", (3, 2), grey) for grey in ("white", "black"))

    def save(folder):
        one.save(folder / "0.jpg", "MPO", save_all=True, append_images=[two])

    assert (one_each(tmp_path, save).train_x[0] == 255).all()


def test_what_is_transparent_becomes_white(tmp_path):
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    picture.putpixel((1, 0), (9, 9, 9, 255))
    dataset = one_each(tmp_path, lambda folder: picture.save(folder / "0.png"))
    assert dataset.train_x[0, 0, :, 0].tolist() == [255, 9]


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, [[0, 1, 2], [3, 4, 5]]),
        (2, [[2, 1, 0], [5, 4, 3]]),
        (3, [[5, 4, 3], [2, 1, 0]]),
        (6, [[3, 0], [4, 1], [5, 2]]),
        (8, [[2, 5], [1, 4], [0, 3]]),
    ],
)
def test_pictures_are_turned_as_their_exif_data_says(tmp_path, orientation, upright):
    exif = Image.Exif()
    exif[0x112] = orientation
    stored = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    dataset = one_each(tmp_path, lambda folder: stored.save(folder / "0.PNG", exif=exif))
    assert dataset.train_x[0, :, :, 0].tolist() == upright


def test_hidden_files_are_left_out_and_named_once(tmp_path):
    pictures(tmp_path, count=3)
    for name in ("ant", "bee"):
        for number in range(4):
            (tmp_path / name / f"._{number}.png").write_bytes(b"\0\5\x16\7Mac OS X")
        (tmp_path / name / ".DS_Store").write_bytes(b"no picture either")
    folder = tmp_path.name
    shown = ", ".join(f"{folder}/{name}" for name in ("ant/._0.png", "ant/._1.png"))
    words = f"^hidden files are left out: {shown}.* and 3 more$"
    with pytest.warns(UserWarning, match=words) as told:
        dataset = datasets.from_path("mine", tmp_path)
    assert len(told) == 1
    assert len(dataset.train_x) + len(dataset.test_x) == 6


def test_a_class_without_pictures_is_told(tmp_path):
    pictures(tmp_path / "one")
    (tmp_path / "one" / "cow").mkdir()
    pictures(tmp_path / "two" / "train", classes=("ant", "bee", "cow"), count=2)
    pictures(tmp_path / "two" / "test", count=2)
    for path in (tmp_path / "two" / "train" / "cow").iterdir():
        path.unlink()
    for name in ("one", "two"):
        words = "labels 0 … 1 of 3 classes, and class cow has no images: add some, or take"
        with pytest.warns(UserWarning, match=words):
            dataset = datasets.from_path("mine", tmp_path / name)
        assert dataset.class_names == ("ant", "bee", "cow")


def test_classes_and_pictures_come_in_the_order_of_their_names(tmp_path, monkeypatch):
    for part in ("train", "test"):
        for label, name in enumerate(("ant", "bee")):
            (tmp_path / part / name).mkdir(parents=True)
            for number, file in enumerate(("a.png", "b.PNG", "c.png")):
                colour = 100 * (part == "test") + 10 * label + number
                Image.new("L", (1, 1), colour).save(tmp_path / part / name / file)
    real = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: sorted(real(path), reverse=True))
    dataset = datasets.from_path("mine", tmp_path)
    assert dataset.train_x.ravel().tolist() == [0, 1, 2, 10, 11, 12]
    assert dataset.test_x.ravel().tolist() == [100, 101, 102, 110, 111, 112]
    assert dataset.train_y.tolist() == dataset.test_y.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.class_names == ("ant", "bee")


def test_a_test_may_lack_classes(tmp_path):
    pictures(tmp_path / "train", classes=("ant", "bee", "cow"))
    pictures(tmp_path / "test", classes=("bee", "cow"), count=1)
    dataset = datasets.from_path("mine", tmp_path)
    assert dataset.test_y.tolist() == [1, 2]


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_one_channel_of_one_picture_makes_all_rgb(tmp_path, channel):
    pictures(tmp_path / "train", count=2)
    pictures(tmp_path / "test", count=2)
    colour = [7, 7, 7]
    colour[channel] = 8
    for part in ("train", "test"):
        path = tmp_path / part / "bee" / "1.png"
        Image.new("RGB", (6, 4), tuple(colour)).save(path)
        dataset = datasets.from_path("mine", tmp_path)
        assert dataset.image_shape == (4, 6, 3)
        Image.new("L", (6, 4), 7).save(path)
    assert datasets.from_path("mine", tmp_path).image_shape == (4, 6, 1)


def test_colour_in_one_part_makes_both_rgb(tmp_path):
    pictures(tmp_path / "train")
    pictures(tmp_path / "test", mode="RGB")
    (tmp_path / "train" / ".cache").mkdir()
    dataset = datasets.from_path("mine", tmp_path)
    assert dataset.image_shape == (4, 6, 3)
    assert dataset.class_names == ("ant", "bee")


def test_unusable_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"there is no '.*none'"):
        datasets.from_path("mine", tmp_path / "none")
    with pytest.raises(InputError, match="has 0 folders"):
        datasets.from_path("mine", tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match="has no pictures"):
        datasets.from_path("mine", tmp_path)
    pictures(tmp_path / "sizes", size=(6, 4))
    Image.new("L", (5, 5)).save(tmp_path / "sizes" / "bee" / "z.png")
    with pytest.raises(InputError, match=r"z.png' has 5 × 5 pixels, those before 4 × 6"):
        datasets.from_path("mine", tmp_path / "sizes")
    (tmp_path / "sizes" / "ant" / "0.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"0.png' cannot be read as a picture"):
        datasets.from_path("mine", tmp_path / "sizes")
    with h5py.File(tmp_path / "group.h5", "w") as file:
        file.create_group("x")
    with pytest.raises(InputError, match=r"has no train/x, train/y"):
        datasets.from_path("mine", tmp_path / "group.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(InputError, match=r"text.h5' cannot be read"):
        datasets.from_path("mine", tmp_path / "text.h5")
    pictures(tmp_path / "two" / "train")
    pictures(tmp_path / "two" / "test", classes=("ant", "cow"))
    with pytest.raises(InputError, match=r"has classes that 'train' does not have .cow.: give"):
        datasets.from_path("mine", tmp_path / "two")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_is_no_picture(tmp_path):
    """Reading one would wait for ever."""
    pictures = sources(tmp_path)[0]
    os.mkfifo(pictures / "bee" / "99.png")
    with pytest.raises(InputError, match=r"99.png' is a device, pipe or socket, no picture: give"):
        datasets.from_path("mine", pictures)
