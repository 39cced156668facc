import h5py
import numpy as np
import pytest
from PIL import Image

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
        (IMAGES, LABELS, 0.0, "test fraction is 0.0"),
        (IMAGES[:2], LABELS[:2], 0.1, "takes 0 of 2 images"),
        (IMAGES, LABELS - 1, 0.1, "label -1 of image 0 is below 0"),
        (IMAGES, LABELS * 10**9, 0.1, "20 labels go up to 2000000000: number the classes"),
        (IMAGES, np.array(["ü".encode()] * 20), 0.1, "labels are bytes that are no ASCII"),
        (IMAGES, LABELS + 0.5, 0.1, "labels are float64: give integers or texts"),
        (IMAGES.astype(np.int64), LABELS, 0.1, "is int64: give uint8"),
        (np.where(IMAGES > 250, np.nan, 0.5), LABELS, 0.1, "holds nan"),
    ],
)
def test_unusable_arrays_are_refused(images, labels, fraction, message):
    with pytest.raises(InputError, match=message):
        datasets.from_arrays("mine", images, labels, test_fraction=fraction)


def test_texts_in_hdf5_beyond_ascii(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = IMAGES, ["Ü" if label else "ä" for label in LABELS]
    assert datasets.from_path("mine", tmp_path / "a.h5").class_names == ("Ü", "ä")


def test_16_bits_and_transparency(tmp_path):
    pictures(tmp_path / "grey", count=1)
    values = np.array([[0, 256, 32768], [65535, 512, 1]], np.uint16)
    for name in ("ant", "bee"):
        Image.fromarray(values).save(tmp_path / "grey" / name / "0.png")
    dataset = datasets.from_path("mine", tmp_path / "grey", test_fraction=0.5)
    assert dataset.train_x[0, :, :, 0].tolist() == [[0, 1, 128], [255, 2, 0]]
    pictures(tmp_path / "clear", count=1)
    for name in ("ant", "bee"):
        picture = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
        picture.putpixel((1, 0), (9, 9, 9, 255))
        picture.save(tmp_path / "clear" / name / "0.png")
    dataset = datasets.from_path("mine", tmp_path / "clear", test_fraction=0.5)
    assert dataset.train_x[0, 0, :, 0].tolist() == [255, 9]


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
    with pytest.raises(InputError, match=r"has classes that 'train' has not .cow"):
        datasets.from_path("mine", tmp_path / "two")
