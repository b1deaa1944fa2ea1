"""Page tokens: opaque to clients, bound to the question and account they were given for, and signed.

A token holds the position behind which the next page begins (keyset pagination: rows that are added or removed meanwhile
neither repeat nor hide others), so the server keeps nothing between pages.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput

T = TypeVar("T")

_MAC_BYTES = 16
_OF_THE_PAGE = ("NextToken", "MaxResults")
"""Members that may change from page to page."""


@dataclass(frozen=True, kw_only=True)
class Paging:
    """Makes and reads tokens with a secret."""

    sign: Callable[[bytes], bytes]
    """A keyed MAC of at least 16 bytes."""

    def encode(
        self, operation: str, caller: Caller, asked: Mapping[str, Any], position: Sequence[Any]
    ) -> str:
        content = orjson.dumps([list(position)])
        mac = self._mac(operation, caller, asked, content)
        return base64.urlsafe_b64encode(mac + content).decode()

    def decode(self, operation: str, caller: Caller, asked: Mapping[str, Any], token: str) -> list[Any]:
        """The position. Raises InvalidInput for a token that we did not give out for this question and account."""
        try:
            raw = base64.urlsafe_b64decode(token.encode())
            mac, content = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
            if hmac.compare_digest(mac, self._mac(operation, caller, asked, content)):
                found: list[Any] = orjson.loads(content)[0]
                return found
        except (ValueError, binascii.Error):
            pass
        raise InvalidInput(
            f"Invalid pagination token: it was not given out by {operation} for these parameters; start without one"
        )

    def page(
        self,
        operation: str,
        caller: Caller,
        asked: Mapping[str, Any],
        most: int,
        read: Callable[[list[Any], int], Sequence[T]],
        position: Callable[[T], Sequence[Any]],
    ) -> tuple[Sequence[T], str | None]:
        """One page of `asked` (its NextToken and MaxResults; `most` when it has none) and the token of the next page.

        read(position, n): the first n items behind the position ([]: the start); position(item): where it is."""  # fmt: skip
        token = asked.get("NextToken")
        size = asked.get("MaxResults") or most
        found = read(self.decode(operation, caller, asked, token) if token else [], size + 1)
        if len(found) <= size:
            return found, None
        return found[:size], self.encode(operation, caller, asked, position(found[size - 1]))

    def _mac(self, operation: str, caller: Caller, asked: Mapping[str, Any], content: bytes) -> bytes:
        question = {name: value for name, value in asked.items() if name not in _OF_THE_PAGE}
        bound = [operation, caller.account_id, caller.region, question]
        return self.sign(orjson.dumps(bound, option=orjson.OPT_SORT_KEYS) + content)[:_MAC_BYTES]
