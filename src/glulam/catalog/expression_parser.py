"""Reads the expression language of GetPartitions: a small part of SQL's WHERE.

    expression = conjunction { OR conjunction }        conjunction = term { AND term }
    term       = NOT term | ( expression ) | operand test
    test       = op operand | [NOT] IN ( literals ) | [NOT] BETWEEN literal AND literal | [NOT] LIKE text | IS [NOT] NULL
    op         = one of = <> != < <= > >=

An operand is a partition key (bare, or in back-quotes or double quotes) or a literal: 'text' with '' for a quote, a
number, DATE '...', TIMESTAMP '...'; parentheses around it are allowed, Hive's clients write them. Spark's quote text with
double quotes: a double-quoted word that is no partition key is a text. Keywords and keys may be in any case.
The key's type decides what a literal means: `year = 2020` compares texts when `year` is a string.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from glulam.catalog.expressions import And, Compare, Expression, In, IsNull, Key, Like, Not, Or
from glulam.catalog.partition_keys import NULL_VALUE, Kind, PartitionKey, Value, read
from glulam.model.errors import InvalidInput

MAX_DEPTH = 100
"""Of parentheses and NOTs: each is a call deeper in the parser."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
    | (?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.]))
    | (?P<word>[^\W\d]\w*)
    | (?P<mark><\s*>|!=|<\s*=|>\s*=|[=<>(),])
    )""",
    re.VERBOSE,
)
_KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL"})
_FLIPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_TYPED = {"DATE": Kind.DATE, "TIMESTAMP": Kind.TIMESTAMP}


@dataclass(frozen=True, kw_only=True)
class _Token:
    kind: str
    """text, quoted, number, word, keyword, mark or end."""
    text: str
    """Without quotes; keywords in capitals."""
    at: int
    """Where it begins, from 1."""

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)


@dataclass(frozen=True, kw_only=True)
class _Literal:
    text: str
    at: int


def parse_expression(text: str, keys: Sequence[PartitionKey]) -> Expression | None:
    """The tree; None for a blank text, which selects everything.

    Raises InvalidInput: position, what was found there and what was expected."""
    if not text.strip():
        return None
    if "\0" in text:
        raise InvalidInput(
            f"Unsupported expression: character {text.index(chr(0)) + 1}: found U+0000, expected text"
        )
    return _Parser(text, keys).parse()


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise InvalidInput(
                f"Unsupported expression '{text}': character {at + 1}: found {text[at : at + 10]!r}, "
                "expected a partition key, a literal or an operator (is a quote missing?)"
            )
        kind = str(match.lastgroup)
        word = match[kind]
        if kind in ("text", "quoted"):
            word = word[1:-1].replace(word[0] * 2, word[0])
        elif kind == "mark":
            word = "".join(word.split()).replace("!=", "<>")
        elif kind == "word" and word.upper() in _KEYWORDS:
            kind, word = "keyword", word.upper()
        found.append(_Token(kind=kind, text=word, at=match.start(kind if kind != "keyword" else "word") + 1))
        at = match.end()
    return [*found, _Token(kind="end", text="", at=end + 1)]


class _Parser:
    def __init__(self, text: str, keys: Sequence[PartitionKey]) -> None:
        self._text = text
        self._keys = {key.name.lower(): (position, key) for position, key in enumerate(keys)}
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def parse(self) -> Expression:
        tree = self._expression()
        if self._peek.kind != "end":
            raise self._wrong("AND, OR or the end")
        return tree

    def _expression(self) -> Expression:
        terms = [self._conjunction()]
        while self._take("OR"):
            terms.append(self._conjunction())
        return terms[0] if len(terms) == 1 else Or(terms=tuple(terms))

    def _conjunction(self) -> Expression:
        terms = [self._term()]
        while self._take("AND"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else And(terms=tuple(terms))

    def _term(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(f"at most {MAX_DEPTH} parentheses and NOTs within each other")
        try:
            if self._take("NOT"):
                return Not(term=self._term())
            if self._is_mark(self._next, "(") and not self._bracketed_operand():
                self._next += 1
                inner = self._expression()
                self._expect(")")
                return inner
            return self._condition()
        finally:
            self._depth -= 1

    def _bracketed_operand(self) -> bool:
        """The parentheses that begin here hold one key or literal: ((year)) = 2020."""
        at = self._next
        while self._is_mark(at, "("):
            at += 1
        opened = at - self._next
        if self._tokens[at].text.upper() in _TYPED and self._tokens[at + 1].kind == "text":
            at += 1
        if self._tokens[at].kind not in ("word", "quoted", "text", "number"):
            return False
        return all(self._is_mark(closing, ")") for closing in range(at + 1, at + 1 + opened))

    def _is_mark(self, at: int, text: str) -> bool:
        return at < len(self._tokens) and self._tokens[at].kind == "mark" and self._tokens[at].text == text

    def _condition(self) -> Expression:
        left = self._operand()
        op = self._peek
        if op.kind == "mark" and op.text in _FLIPPED:
            self._next += 1
            right = self._operand()
            if isinstance(left, Key) and isinstance(right, _Literal):
                return self._compare(left, op.text, right)
            if isinstance(left, _Literal) and isinstance(right, Key):
                return self._compare(right, _FLIPPED[op.text], left)
            raise self._error(op.at, repr(op.text), "a comparison of a partition key and a literal")
        if not isinstance(left, Key):
            raise self._wrong("a comparison with a partition key after the literal")
        if self._take("IS"):
            return self._maybe_not(self._take("NOT"), self._is_null(left))
        return self._maybe_not(self._take("NOT"), self._test(left))

    def _is_null(self, key: Key) -> Expression:
        self._expect("NULL")
        return IsNull(key=key)

    def _test(self, key: Key) -> Expression:
        at = self._peek.at
        if self._take("IN"):
            self._expect("(")
            literals = [self._literal()]
            while self._take(","):
                literals.append(self._literal())
            self._expect(")")
            return self._in(key, literals)
        if self._take("BETWEEN"):
            low = self._literal()
            self._expect("AND")
            return And(terms=(self._compare(key, ">=", low), self._compare(key, "<=", self._literal())))
        if self._take("LIKE"):
            if key.kind is not Kind.TEXT:
                noun = "Integral" if key.kind is Kind.INTEGER else key.kind.name.capitalize()
                raise InvalidInput(f"{noun} data type doesn't support operation 'LIKE' (character {at})")
            return Like(key=key, pattern=self._literal().text)
        raise self._wrong("a comparison, IN, BETWEEN, LIKE or IS NULL")

    def _operand(self) -> Key | _Literal:
        opened = 0
        while self._take("("):
            opened += 1
        found = self._bare_operand()
        for _ in range(opened):
            self._expect(")")
        return found

    def _bare_operand(self) -> Key | _Literal:
        token = self._peek
        if token.kind not in ("word", "quoted", "text", "number"):
            raise self._wrong("a partition key or a literal")
        self._next += 1
        if token.kind in ("text", "number"):
            return _Literal(text=token.text, at=token.at)
        known = self._keys.get(token.text.lower())
        if known is not None:
            return Key(position=known[0], kind=known[1].kind)
        if token.text.upper() in _TYPED and self._peek.kind == "text":
            return self._typed(_TYPED[token.text.upper()])
        if token.kind == "quoted" and self._text[token.at - 1] == '"':
            return _Literal(text=token.text, at=token.at)
        names = ", ".join(key.name for _, key in self._keys.values()) or "none: the table is not partitioned"
        raise InvalidInput(
            f"Invalid partition expression! character {token.at}: found {token}, expected a partition key ({names})"
        )

    def _typed(self, kind: Kind) -> _Literal:
        token = self._peek
        self._next += 1
        if read(kind, token.text) is None:
            raise self._error(token.at, repr(token.text), kind.value)
        return _Literal(text=token.text, at=token.at)

    def _literal(self) -> _Literal:
        at = self._peek.at
        found = self._operand()
        if not isinstance(found, _Literal):
            raise self._error(at, "a partition key", "a literal")
        return found

    def _compare(self, key: Key, op: str, literal: _Literal) -> Expression:
        if literal.text == NULL_VALUE and op in ("=", "<>"):  # how clients that know Hive ask for NULL
            return self._maybe_not(op == "<>", IsNull(key=key))
        return Compare(key=key, op=op, value=self._value(key, literal))

    def _in(self, key: Key, literals: Sequence[_Literal]) -> Expression:
        values = tuple(dict.fromkeys(self._value(key, one) for one in literals if one.text != NULL_VALUE))
        terms: list[Expression] = [In(key=key, values=values)] if values else []
        if any(one.text == NULL_VALUE for one in literals):
            terms.append(IsNull(key=key))
        return terms[0] if len(terms) == 1 else Or(terms=tuple(terms))

    def _value(self, key: Key, literal: _Literal) -> Value:
        value = literal.text if key.kind is Kind.TEXT else read(key.kind, literal.text)
        if value is None:
            raise InvalidInput(f'"{literal.text}" is not {key.kind.value}. (character {literal.at})')
        return value

    def _maybe_not(self, negated: bool, term: Expression) -> Expression:
        return Not(term=term) if negated else term

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, text: str) -> bool:
        """Go past a keyword or mark, if it is that one."""
        taken = self._peek.kind in ("keyword", "mark") and self._peek.text == text
        self._next += taken
        return taken

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._wrong(text)

    def _wrong(self, expected: str) -> InvalidInput:
        return self._error(self._peek.at, str(self._peek), expected)

    def _error(self, at: int, found: str, expected: str) -> InvalidInput:
        return InvalidInput(
            f"Unsupported expression '{self._text}': character {at}: found {found}, expected {expected}"
        )
