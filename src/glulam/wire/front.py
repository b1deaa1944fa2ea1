"""One port for several AWS services: which door a request is for.

X-Amz-Target                                  AWS JSON
the service of the signature's scope          s3, sts, or a JSON service
an Action in a form or in the query of /      the Query protocol
all else                                      S3
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote

from glulam.wire.bodies import Receive
from glulam.wire.door import Send

Door = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_SCOPE = re.compile(r"Credential=[^/,&]*/[^/,&]*/[^/,&]*/([^/,&]*)/")
_FORM = b"application/x-www-form-urlencoded"


class FrontDoor:
    """ASGI application that hands each request to the door it is for."""

    def __init__(self, *, json: Door, query: Mapping[str, Door], rest: Door) -> None:
        """`query`: the Query services by their signing names; the first of them gets what is signed for none."""
        self.json, self.query, self.rest = json, query, rest

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await self.door_of(scope)(scope, receive, send)

    def door_of(self, scope: Mapping[str, Any]) -> Door:
        """The door for a request that `scope` describes as ASGI does."""
        headers = dict(scope["headers"])
        if b"x-amz-target" in headers:
            return self.json
        query = unquote(scope["query_string"].decode("latin-1"))
        match = _SCOPE.search(headers.get(b"authorization", b"").decode("latin-1")) or _SCOPE.search(query)
        if match is not None and match[1] != "s3":
            return self.query.get(match[1], self.json)
        if match is None and scope["path"] == "/":
            form = scope["method"] == "POST" and headers.get(b"content-type", b"").startswith(_FORM)
            if form or re.search(r"(?:^|&)Action=", query):
                return next(iter(self.query.values()))
        return self.rest
