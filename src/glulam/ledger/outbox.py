"""Events for whoever wants to know, written in the transaction that makes them true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

ADD = "INSERT INTO outbox (topic, payload) VALUES (%s, %s)"


def announce(conn: psycopg.Connection, topic: str, payload: Mapping[str, Any]) -> None:
    conn.execute(ADD, (topic, Jsonb(dict(payload))))
