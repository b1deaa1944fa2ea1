"""The services behind one port: Glue, S3 on the local lake, STS; the same keys, roles, policies and audit for all."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from glulam.api import services
from glulam.gate import SignedGate
from glulam.settings import Settings
from glulam.wire.door import AwsDoor
from glulam.wire.front import FrontDoor
from glulam.wire.places import Places
from glulam.wire.query import QueryDoor
from glulam.wire.rest import RestService
from glulam.wire.rest_door import RestDoor
from glulam.wire.services import Service, operations

S3_ELSEWHERE = (
    "GLULAM_OBJECTS=s3: the objects are in a real S3, and this server answers no S3 requests; send them there "
    "(AWS_ENDPOINT_URL_S3)"
)


@dataclass(frozen=True, kw_only=True)
class Threads:
    """The pools in which requests are worked on."""

    requests: ThreadPoolExecutor
    objects: ThreadPoolExecutor
    """S3's."""
    streams: ThreadPoolExecutor
    """S3's that wait for a long body."""


def places_of(settings: Settings) -> Places:
    """With the host names under which this server is known."""
    return Places((settings.host, socket.gethostname()))


def front_door(
    settings: Settings,
    gate: SignedGate,
    threads: Threads,
    places: Places,
    *,
    glue: Sequence[object],
    sts: Sequence[object],
    s3: Sequence[object] | None,
) -> FrontDoor:
    """The ASGI application; each service by the objects that answer its operations. `s3` None: that door is closed."""
    limit = settings.max_body_mb << 20
    rest = RestDoor(
        RestService("s3", s3 or ()), gate, places, pool=threads.objects, streams=threads.streams, max_body_bytes=limit,
        closed=S3_ELSEWHERE if s3 is None else "",
    )  # fmt: skip
    return FrontDoor(
        json=AwsDoor([Service("glue", glue)], gate, threads.requests, max_body_bytes=limit),
        query={"sts": QueryDoor(Service("sts", sts), gate, threads.requests, max_body_bytes=limit)},
        rest=rest,
    )


def implemented() -> dict[str, dict[str, bool]]:
    """Every operation of each service, and whether it is carried out here."""
    kinds = {"glue": services.GLUE, "s3": services.S3, "sts": services.STS}
    return {name: operations(name, found) for name, found in kinds.items()}
