"""A REST-XML service that we answer for: which operation a request means, found from botocore's model alone.

    method, what the path names (nothing, a bucket, a key), fixed words of the query (`?uploads`), and the members that an
    operation requires in header or query (`x-amz-copy-source`, `partNumber`)

The operation with the most of these wins. A request whose query has another operation's word is never taken for a plainer
one: `DELETE /b/k?acl` does not delete the object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from glulam.model.s3_errors import InvalidRequest, MethodNotAllowed
from glulam.wire.rest_input import InputReader
from glulam.wire.rest_output import OutputWriter
from glulam.wire.services import Handler, handlers_of
from glulam.wire.xmlwriting import XmlWriters

Target = tuple[str, ...]
"""Which of Bucket and Key the path names."""


@dataclass(frozen=True, kw_only=True)
class RestOperation:
    """One operation of the service."""

    name: str
    model: OperationModel
    handler: Handler | None
    """None: not implemented."""
    target: Target
    words: Mapping[str, str]
    """What the query must say: `{"list-type": "2"}`; an empty value is only to be there."""
    needed: tuple[tuple[str, str], ...]
    """(location, name) of required members in `header` or `querystring`."""
    reader: InputReader = field(repr=False)
    writer: OutputWriter = field(repr=False)

    @property
    def takes_body(self) -> bool:
        """Whether it takes a body that may be too long for memory."""
        return bool(self.model.has_streaming_input)

    @property
    def checks_body(self) -> bool:
        """Whether the request's `x-amz-checksum-` headers speak of its body."""
        return "requestAlgorithmMember" in (self.model.http_checksum or {})

    @property
    def wants_checksum(self) -> bool:
        return bool((self.model.http_checksum or {}).get("requestChecksumRequired"))

    @property
    def needs_query(self) -> bool:
        return bool(self.words) or any(location == "querystring" for location, _ in self.needed)

    def fits(self, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        for word, value in self.words.items():
            if word not in query or (value and query[word] != value):
                return False
        return all(
            name in (query if location == "querystring" else headers) for location, name in self.needed
        )


class RestService:
    """A REST-XML service by its botocore name, with the objects whose methods are its operations."""

    def __init__(self, name: str, parts: Iterable[object] = ()) -> None:
        self.name = name
        self.model = ServiceModel(Loader().load_service_model(name, "service-2"), name)
        handlers, writers = handlers_of(parts), XmlWriters()
        self.operations = {
            operation: self._operation(operation, handlers.pop(xform_name(operation), None), writers)
            for operation in self.model.operation_names
        }
        if handlers:
            raise TypeError(
                f"no operation of {name} is called like these methods: {', '.join(sorted(handlers))}"
            )
        self._by_place: dict[tuple[str, Target], list[RestOperation]] = {}
        for found in sorted(self.operations.values(), key=_rank):
            self._by_place.setdefault((found.model.http["method"], found.target), []).append(found)
        self._without_query = {
            at: [o for o in found if not o.needs_query] for at, found in self._by_place.items()
        }
        self._words = frozenset(word for o in self.operations.values() for word in o.words)

    def _operation(self, name: str, handler: Handler | None, writers: XmlWriters) -> RestOperation:
        model = self.model.operation_model(name)
        path, _, query = model.http["requestUri"].partition("?")
        parts = tuple(
            part.strip("{}+") if part.startswith("{") else f"={part}" for part in path.split("/") if part
        )
        shape = model.input_shape
        required = [shape.members[member].serialization for member in shape.required_members] if shape else []
        needed = tuple(
            (where["location"], where["name"].lower() if where["location"] == "header" else where["name"])
            for where in required if where.get("location") in ("header", "querystring")
        )  # fmt: skip
        return RestOperation(
            name=name, model=model, handler=handler, target=parts, needed=needed,
            words=dict(parse_qsl(query, keep_blank_values=True)),
            reader=InputReader(shape), writer=OutputWriter(model, writers),
        )  # fmt: skip

    def find(
        self, method: str, target: Target, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> RestOperation:
        """The operation that the request means. Raises MethodNotAllowed or InvalidRequest."""
        places = self._by_place.get((method, target), [])
        candidates = places if query else self._without_query.get((method, target), [])
        found = next((o for o in candidates if o.fits(query, headers)), None)
        if found is None or any(w in self._words and w not in found.words for w in query):
            unmet = next((o for o in places if o.words and all(w in query for w in o.words)), None)
            if unmet is not None:
                names = ", ".join(name for _, name in unmet.needed)
                raise InvalidRequest(f"{unmet.name}: expected all of {names}")
            raise MethodNotAllowed(
                Method=method, ResourceType="BUCKET" if target == ("Bucket",) else "OBJECT"
            )
        if query:
            strays = {
                n for o in places for location, n in o.needed if location == "querystring"
            } & query.keys()
            for name in strays - found.reader.query_names:
                raise InvalidRequest(
                    f"{found.name} does not accept {name} without the parameters that belong to it"
                )
        return found


def _rank(operation: RestOperation) -> tuple[int, bool, int]:
    """The most particular first; then the one that is current, and not of another endpoint."""
    return (-len(operation.words) - len(operation.needed), bool(operation.model.deprecated),
            len(operation.model.static_context_parameters))  # fmt: skip
