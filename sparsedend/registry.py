"""What a checkpoint knows by name: layers, losses, optimizers, those of users among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from .errors import InputError, suggestion

Kind = TypeVar("Kind")


class Registry(Mapping[str, type[Kind]], Generic[Kind]):
    """Classes by their attribute `kind`.

    Parameters
    ----------
    what : str
        What they are, in a word, for messages.
    how : str
        The name of `register` for users.
    """

    def __init__(self, what: str, how: str) -> None:
        self.what, self.how = what, how
        self._kinds: dict[str, type[Kind]] = {}

    def __getitem__(self, kind: str) -> type[Kind]:
        return self._kinds[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def register(self, cls: type[Kind]) -> type[Kind]:
        """Make a class known by its attribute `kind`; a class decorator too.

        Raises
        ------
        InputError
            Where it has none, or another class has that name already.
        """
        kind = getattr(cls, "kind", None)
        if not isinstance(kind, str) or not kind:
            raise InputError(
                f"the {self.what} {cls.__qualname__} has the kind {kind!r}: give it a text, such "
                f"as kind = '{cls.__qualname__.lower()}'"
            )
        known = self._kinds.setdefault(kind, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise InputError(
                f"the {self.what} '{kind}' is {known.__module__}.{known.__qualname__} already: "
                f"give {cls.__qualname__} another kind"
            )
        self._kinds[kind] = cls
        return cls

    def record(self, thing: Kind) -> dict[str, Any]:
        """Name and settings of an object of a class that is registered.

        Raises
        ------
        InputError
            Where its class is not.
        """
        kind = getattr(thing, "kind", None)
        if self._kinds.get(kind) is not type(thing):  # type: ignore[arg-type]
            raise InputError(
                f"the {self.what} {type(thing).__name__} is not registered, so that no file could "
                f"name it: call {self.how}({type(thing).__name__}) first"
            )
        return {"kind": kind, "settings": dict(thing.settings)}  # type: ignore[attr-defined]

    def make(self, record: Mapping[str, Any], **parts: Any) -> Kind:
        """Object of the class and settings that a record names.

        Raises
        ------
        InputError
            Where no class of that name is registered, or it does not take the settings.
        """
        kind = record["kind"]
        if kind not in self._kinds:
            hint = suggestion(kind, self._kinds)
            raise InputError(
                f"unknown {self.what} '{kind}': {hint}register the class that has this kind with "
                f"{self.how}, or use the version of sparsedend that knows it"
            )
        cls, settings = self._kinds[kind], dict(record["settings"])
        try:
            return cls(**settings, **parts)
        except (InputError, MemoryError):
            raise
        except Exception as error:  # A class of a user's own raises what it likes.
            raise InputError(
                f"the {self.what} '{kind}' cannot be made by {cls.__module__}.{cls.__qualname__} "
                f"({type(error).__name__}: {error}): register the class that it was written by, or "
                "use another copy of the file"
            ) from error
