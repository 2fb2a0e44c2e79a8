"""Descriptors by name."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Generic, Protocol, TypeVar

from pydantic import ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

UNKNOWN_NAME = "unknown_name"
"""Type of the validation error where no descriptor has a name."""
BUILTIN = "core.catalogue.builtin"

CHECKED = ConfigDict(extra="forbid")
"""Descriptors are checked as they are made, so that a typo is found where it was written."""
Function = Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] | Callable[..., Any]
"""A function, or where to import it from when it is needed: "package.module:name"."""
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Place = Annotated[int, Field(ge=0, le=6)]
"""In the palette."""


class Descriptor(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...


D = TypeVar("D", bound=Descriptor)


class Registry(Generic[D]):
    """Descriptors of one kind, in the order in which they were added; built-ins come first."""

    def __init__(self, kind: str, default: str) -> None:
        self.kind, self.default = kind, default
        self._found: dict[str, D] = {}
        self._others: Callable[[], Mapping[str, D]] = dict

    def add(self, descriptor: D) -> D:
        """Make a descriptor known.

        Raises:
            ValueError: another one has its name.
        """
        importlib.import_module(BUILTIN)  # does nothing while it is being imported
        name = descriptor.name
        if self._found.get(name, descriptor) != descriptor:
            raise ValueError(f"{self.kind} {name!r} is there already: choose another name")
        self._found[name] = descriptor
        return descriptor

    def remove(self, name: str) -> None:
        self._found.pop(name, None)

    def follow(self, others: Callable[[], Mapping[str, D]]) -> None:
        """Look through `others` at each look-up too: what comes and goes while a process runs."""
        self._others = others

    def __getitem__(self, name: str) -> D:
        """
        Raises:
            ValueError: there is none of this name; the message lists those there are.
        """
        found = self._all().get(name)
        if found is None:
            raise ValueError(f"{self.kind} {name!r} is not known: use one of {', '.join(self)}")
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def __iter__(self) -> Iterator[str]:
        return iter([descriptor.name for descriptor in self.values()])

    def values(self) -> list[D]:
        """What can be asked for; a dataset that was removed is found by its name alone."""
        return [found for found in self._all().values() if not getattr(found, "removed", False)]

    def _all(self) -> Mapping[str, D]:
        importlib.import_module(BUILTIN)  # another thread waits until all are there
        return {**self._found, **self._others()}


class NameIn:
    """Annotation of a text field that names a descriptor: its JSON Schema lists the names."""

    def __init__(self, registry: Registry[Any]) -> None:
        self.registry = registry

    def _check(self, name: str) -> str:
        if name in self.registry:
            return name
        names = ", ".join(self.registry)
        raise PydanticCustomError(UNKNOWN_NAME, "should be one of {names}", {"names": names})

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"enum": list(self.registry)}


def resolve(function: Function) -> Callable[..., Any]:
    """The function itself, imported if it is named by text."""
    if not isinstance(function, str):
        return function
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found
