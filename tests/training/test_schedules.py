import pytest

from sparsedend import InputError
from sparsedend.training.schedules import SCHEDULES, named


def test_factors_by_hand():
    factors = {name: [each(epoch, 4) for epoch in range(4)] for name, each in SCHEDULES.items()}
    assert factors["constant"] == [1, 1, 1, 1]
    assert factors["step"] == pytest.approx([1, 1, 0.1, 0.01])
    assert factors["cosine"] == pytest.approx([1, 0.8535534, 0.5, 0.1464466])


def test_an_unknown_schedule_is_refused():
    with pytest.raises(InputError, match="unknown schedule 'x': choose one of constant, step"):
        named("x")
