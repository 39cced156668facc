"""Make digits.h5: 1,797 handwritten digits of 8 × 8 pixels from UCI, as scikit-learn ships them.

Run ``python data/make_digits.py`` with scikit-learn installed.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from sparsedend.datasets import Dataset, write

TEST_IMAGES = 360


def main() -> None:
    """Scale 0 … 16 to bytes, shuffle once and hold 360 images out for the test."""
    digits = load_digits()
    x = np.round(digits.images * 255 / 16).astype(np.uint8)[..., None]
    y = digits.target.astype(np.int64)
    order = np.random.default_rng(1797).permutation(len(x))
    train, test = order[:-TEST_IMAGES], order[-TEST_IMAGES:]
    dataset = Dataset(
        "digits",
        tuple("0123456789"),
        x[train],
        y[train],
        x[test],
        y[test],
        "CC BY 4.0",
        "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, "
        "doi 10.24432/C50P49",
    )
    write(dataset, Path(__file__).with_name("digits.h5"))


if __name__ == "__main__":
    main()
