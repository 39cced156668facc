import pytest

from sparsedend import InputError
from sparsedend.training.schedules import SCHEDULES, named


def test_factors_by_hand():
    factors = {name: [each(epoch, 4) for epoch in range(4)] for name, each in SCHEDULES.items()}
    assert factors["constant"] == [1, 1, 1, 1]
    assert factors["step"] == pytest.approx([1, 1, 0.1, 0.01])
    assert factors["cosine"] == pytest.approx([1, 0.8535534, 0.5, 0.1464466])


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 7, 8, 100])
def test_steps_are_at_the_middle_and_the_last_quarter(epochs):
    """Both by definition; in one epoch there is none."""
    for epoch in range(epochs):
        factor = 1.0
        if epoch / epochs >= 0.5:
            factor = 0.1
        if epoch / epochs >= 0.75:
            factor = 0.01
        assert named("step")(epoch, epochs) == pytest.approx(factor)


@pytest.mark.parametrize("epochs", [1, 3, 50])
def test_a_cosine_falls_from_one_and_stays_above_nothing(epochs):
    factors = [named("cosine")(epoch, epochs) for epoch in range(epochs)]
    assert factors[0] == 1
    assert factors == sorted(factors, reverse=True)
    assert factors[-1] > 0
    assert named("constant")(epochs - 1, epochs) == 1


def test_an_unknown_schedule_is_refused():
    with pytest.raises(InputError, match="unknown schedule 'x': choose one of constant, step"):
        named("x")
