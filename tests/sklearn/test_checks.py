"""scikit-learn's own checks of every estimator."""

from unittest import SkipTest

import pytest

pytest.importorskip("sklearn", "1.6")

from sklearn.utils.estimator_checks import parametrize_with_checks

from sparsedend.sklearn import DendriticClassifier, DendriticRegressor
from tests.conftest import child

#: What scikit-learn leaves out, and why nothing is missing.
LEFT_OUT = {
    "check_array_api_input": "SCIPY_ARRAY_API must be set before SciPy is imported: see below",
    "check_sample_weights_pandas_series": "pandas is not installed",
    "check_classifier_data_not_an_array": "pandas is not installed",
    "check_regressor_data_not_an_array": "pandas is not installed",
    "check_classifiers_multilabel_output_format_decision_function": (
        "there are probabilities, and no decision function, as in scikit-learn's own networks"
    ),
}


@parametrize_with_checks([DendriticClassifier(), DendriticRegressor()])
@pytest.mark.filterwarnings("ignore")
def test_checks_of_scikit_learn(estimator, check):
    try:
        check(estimator)
    except SkipTest:
        pytest.skip(LEFT_OUT[check.func.__name__])


def test_the_check_of_the_array_api():
    code = """
    from sklearn.utils.estimator_checks import check_array_api_input
    from sparsedend.sklearn import DendriticClassifier, DendriticRegressor

    for kind in (DendriticClassifier, DendriticRegressor):
        check_array_api_input(kind.__name__, kind(), "numpy")
        print(kind.__name__)
    """
    told = child(code, SCIPY_ARRAY_API="1")
    assert told == "DendriticClassifier\nDendriticRegressor\n"
