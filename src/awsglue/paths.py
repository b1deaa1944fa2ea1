"""Names of fields as scripts write them: `a.b` is b in a, `` `a.b` `` one field whose name has a dot, `a[].b` a member
of every element of an array."""

from __future__ import annotations

from awsglue.gluetypes import ArrayType, ChoiceType, DataType, StructType
from glulam.model.errors import InvalidInput

Path = tuple[str, ...]
ELEMENT = "[]"


def split(text: str) -> Path:
    """`a.`b.c`.d[]` -> ("a", "b.c", "d", "[]"). Raises InvalidInput for an empty name or an open quote."""
    steps: list[str] = []
    at = 0
    while at < len(text):
        if text.startswith("`", at):
            end = text.find("`", at + 1)
            if end < 0:
                raise InvalidInput(f"path {text!r}: the backtick at position {at} is never closed")
            steps.append(text[at + 1 : end])
            at = end + 1
        elif text.startswith(ELEMENT, at):
            steps.append(ELEMENT)
            at += 2
        else:
            ends = [n for n in (text.find(".", at), text.find(ELEMENT, at)) if n >= 0]
            end = min(ends, default=len(text))
            steps.append(text[at:end])
            at = end
        if text.startswith(".", at):
            at += 1
            if at == len(text):
                steps.append("")
    if not steps or "" in steps:
        raise InvalidInput(f"path {text!r}: a name in it is empty")
    return tuple(steps)


def locate(schema: StructType, text: str) -> Path | None:
    """The path in `schema` that `text` names, or None. A column whose whole name is `text` is meant without quotes too."""
    path = split(text)
    if type_at(schema, path) is not None:
        return path
    return (text,) if schema.hasField(text) else None


def type_at(kind: DataType, path: Path) -> DataType | None:
    """The type at the end of the path, or None when there is no such place. Looks into the structs of choices."""
    for step in path:
        if isinstance(kind, ChoiceType):
            kind = kind.choices.get("array" if step == ELEMENT else "struct", kind)
        if step == ELEMENT and isinstance(kind, ArrayType):
            kind = kind.elementType
        elif isinstance(kind, StructType) and kind.hasField(step):
            kind = kind.getField(step)
        else:
            return None
    return kind


def quoted(path: Path) -> str:
    return ".".join(f"`{step}`" if "." in step else step for step in path).replace(f".{ELEMENT}", ELEMENT)
