"""A service that we answer for: botocore's model of it, and the functions that carry its operations out.

Which function answers which operation is not written down anywhere: `create_table` is CreateTable's, by botocore's own
naming. A public function that no operation of the model has is an error when the server starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, StructureShape

from glulam.model.caller import Caller
from glulam.wire.reading import Readers, raise_problems
from glulam.wire.writing import Writers

Handler = Callable[[Caller, Mapping[str, Any]], Mapping[str, Any] | None]


@dataclass
class Operation:
    """One operation of a service."""

    name: str
    model: OperationModel
    handler: Handler | None
    """None: not implemented."""
    readers: Readers
    writers: Writers

    @cached_property
    def _read(self) -> Callable[..., Any]:
        return self.readers.of(
            self.model.input_shape or StructureShape("Nothing", {"type": "structure", "members": {}})
        )

    @cached_property
    def _write(self) -> Callable[..., Any]:
        return self.writers.answer(
            self.model.output_shape or StructureShape("Nothing", {"type": "structure", "members": {}})
        )

    def read(self, asked: Any) -> dict[str, Any]:
        """The request's JSON as checked values. Raises SerializationFailed or ValidationFailed."""
        problems: list[str] = []
        found: dict[str, Any] = self._read(asked, None, problems)
        raise_problems(problems)
        return found

    def write(self, answer: Mapping[str, Any] | None) -> dict[str, Any]:
        found: dict[str, Any] = self._write(answer or {})
        return found


class Service:
    """A JSON-protocol service by its botocore name, with the objects whose methods are its operations."""

    def __init__(self, name: str, parts: Iterable[object] = ()) -> None:
        self.name = name
        self.model = ServiceModel(Loader().load_service_model(name, "service-2"), name)
        readers, writers = Readers(), Writers()
        handlers = handlers_of(parts)
        self.operations = {
            operation: Operation(
                name=operation, model=self.model.operation_model(operation),
                handler=handlers.pop(xform_name(operation), None), readers=readers, writers=writers,
            )
            for operation in self.model.operation_names
        }  # fmt: skip
        if handlers:
            raise TypeError(
                f"no operation of {name} is called like these methods: {', '.join(sorted(handlers))}"
            )

    @property
    def signing_name(self) -> str:
        return self.model.signing_name

    @property
    def target_prefix(self) -> str:
        """What stands before the dot in X-Amz-Target."""
        return str(self.model.metadata["targetPrefix"])

    @property
    def content_type(self) -> str:
        return f"application/x-amz-json-{self.model.metadata['jsonVersion']}"

    def message_name(self, code: str) -> str:
        """Under which name an error of this code carries its text (`Message` or `message`)."""
        shape = next((s for s in self.model.error_shapes if s.name == code), None)
        names = shape.members if isinstance(shape, StructureShape) else ()
        return next((name for name in names if name.lower() == "message"), "message")


def operations(name: str, kinds: Iterable[type]) -> dict[str, bool]:
    """Every operation of a service, and whether one of these classes carries it out."""
    model = ServiceModel(Loader().load_service_model(name, "service-2"), name)
    there = {method for kind in kinds for method in _methods(kind)}
    return {operation: xform_name(operation) in there for operation in model.operation_names}


def handlers_of(parts: Iterable[object]) -> dict[str, Handler]:
    """The public methods of all parts, by name. Raises TypeError when two have the same."""
    found: dict[str, Handler] = {}
    for part in parts:
        for name in _methods(type(part)):
            if name in found:
                raise TypeError(f"{name} is in two parts of the service")
            found[name] = getattr(part, name)
    return found


def _methods(kind: type) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))]
