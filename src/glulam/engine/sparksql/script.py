"""All macros, in the order in which they can be created, and which of them a text needs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from glulam.engine.sparksql.macros import number_macros
from glulam.engine.sparksql.macros_coercion import coercion_macros
from glulam.engine.sparksql.macros_text import text_macros

STATEMENTS = (*number_macros(), *text_macros(), *coercion_macros())
_NAMED = {statement.split("MACRO ", 1)[1].split("(", 1)[0]: statement for statement in STATEMENTS}
NAMES = frozenset(_NAMED)


def needed(texts: Iterable[str]) -> list[str]:
    """The statements that create the macros which these texts call, and those that they call in turn."""
    wanted, pending = set[str](), list(texts)
    while pending:
        found = set(re.findall(r"\bglu_\w+", pending.pop())) & NAMES - wanted
        wanted |= found
        pending += [_NAMED[name] for name in found]
    return [statement for name, statement in _NAMED.items() if name in wanted]
