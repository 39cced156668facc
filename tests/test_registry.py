import pytest

from sparsedend import InputError
from sparsedend.registry import Registry


def part(name, module="tests"):
    class Part:
        kind = name

        def __init__(self, size=1, other=None):
            self.settings = {"size": size}
            self.other = other

    Part.__module__ = module
    return Part


@pytest.fixture
def registry():
    return Registry("part", "sd.parts.register")


def test_a_class_is_known_by_its_kind(registry):
    first, second = part("first"), part("second")
    assert registry.register(first) is first
    registry.register(second)
    assert list(registry) == ["first", "second"]
    assert len(registry) == 2
    assert registry["second"] is second
    assert "third" not in registry


def test_records_make_another_one(registry):
    made = registry.register(part("first"))(3)
    record = registry.record(made)
    assert record == {"kind": "first", "settings": {"size": 3}}
    again = registry.make(record, other="more")
    assert type(again) is type(made)
    assert again.settings == {"size": 3}
    assert again.other == "more"


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError, ZeroDivisionError])
def test_what_a_class_refuses_is_told_with_its_name(registry, error):
    """That it is damaged is not said of a file whose settings the class of a user does not take."""

    @registry.register
    class Own:
        kind = "own"

        def __init__(self, slope):
            raise error(f"slope must not be {slope}")

    words = rf"'own' cannot be made by tests.*Own \({error.__name__}: .*slope must not be 1"
    with pytest.raises(InputError, match=words) as refusal:
        registry.make({"kind": "own", "settings": {"slope": 1}})
    assert isinstance(refusal.value.__cause__, error)


@pytest.mark.parametrize("error", [InputError, MemoryError])
def test_what_says_already_what_is_wrong_is_passed_on(registry, error):
    @registry.register
    class Own:
        kind = "own"

        def __init__(self):
            raise error("slope is 1: give 2")

    with pytest.raises(error, match=r"^slope is 1: give 2$"):
        registry.make({"kind": "own", "settings": {}})


@pytest.mark.parametrize("kind", [None, 3, ""])
def test_a_class_without_a_kind_is_refused(registry, kind):
    with pytest.raises(InputError, match=r"the part .*Part has the kind .*: give it a text"):
        registry.register(part(kind))
    with pytest.raises(InputError, match="the part Own has the kind None"):
        registry.register(type("Own", (), {}))


def test_another_class_of_the_same_kind_is_refused(registry):
    first = registry.register(part("first"))
    with pytest.raises(
        InputError, match=r"the part 'first' is tests.* already: give .*Part another kind"
    ):
        registry.register(part("first", module="elsewhere"))
    assert registry["first"] is first
    # The same module read again, as in a notebook, replaces it.
    again = part("first")
    registry.register(again)
    assert registry["first"] is again


def test_what_is_not_registered_is_refused(registry):
    registered = registry.register(part("first"))
    for made in (part("second")(), type("Own", (registered,), {})(), object()):
        with pytest.raises(InputError, match=r"is not registered, .* call sd.parts.register\("):
            registry.record(made)


def test_what_is_not_known_is_refused(registry):
    registry.register(part("first"))
    with pytest.raises(
        InputError, match=r"unknown part 'frist': did you mean 'first'\? register the"
    ):
        registry.make({"kind": "frist", "settings": {}})
