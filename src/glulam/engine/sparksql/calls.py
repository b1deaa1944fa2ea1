"""A function call as written, as the builders see it: its arguments, translated when they ask for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import expressions as exp

from glulam.engine.sparksql.value import Value, coerce, unsupported


@dataclass(frozen=True, slots=True)
class Call:
    """One function call as written: its name, argument nodes, and the translator for them."""

    name: str
    nodes: tuple[exp.Expression, ...]
    emit: Callable[[exp.Expression], Value]
    compare: Callable[[str, Value, Value], Value]
    distinct: bool = False

    def arity(self, *allowed: int) -> None:
        if len(self.nodes) not in allowed:
            expected = " or ".join(map(str, allowed))
            raise unsupported(f"{self.name}() with {len(self.nodes)} arguments (expected {expected})")

    def values(self) -> list[Value]:
        return [self.emit(node) for node in self.nodes]

    def arg(self, index: int, kind: str = "") -> Value:
        value = self.emit(self.nodes[index])
        return coerce(value, kind) if kind else value

    def literal(self, index: int, what: str) -> str:
        node = self.nodes[index]
        if isinstance(node, exp.RawString) or (isinstance(node, exp.Literal) and node.is_string):
            return str(node.this)
        raise unsupported(f"{self.name}() with {what} that is not a text literal")

    def number(self, index: int, what: str) -> int:
        node, sign = self.nodes[index], 1
        if isinstance(node, exp.Neg):
            node, sign = node.this, -1
        if isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit():
            return sign * int(node.this)
        raise unsupported(f"{self.name}() with {what} that is not an integer literal")


def quoted(text: str) -> str:
    """A text literal with its type, which DuckDB would otherwise guess from the context."""
    return "'" + text.replace("'", "''") + "'::VARCHAR"
