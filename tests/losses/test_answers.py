import numpy as np

from sparsedend.losses import SigmoidCrossEntropy


def test_a_label_is_given_where_its_output_is_above_nothing():
    outputs = np.array([[0.2, -0.2], [-3.0, 0.0]])
    found = SigmoidCrossEntropy().answers(outputs, probabilities=False)
    np.testing.assert_array_equal(found, [[1, 0], [0, 0]])
