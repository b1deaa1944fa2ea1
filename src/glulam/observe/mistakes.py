"""What is wrong with the document of a channel or rule by itself: each mistake with its place, and no secret in any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glulam.model.errors import InvalidInput
from glulam.observe.channel_kinds import kind_of
from glulam.observe.rules import Rule, problems
from glulam.observe.secrets import HIDDEN_KEYS

Path = tuple[str | int, ...]


def mistakes(section: str, given: Mapping[str, Any]) -> list[tuple[Path, str]]:
    """section: `channels` or `rules`."""
    try:
        kind = Rule if section == "rules" else kind_of("channel", given)
    except InvalidInput as error:
        return [(("type",), str(error).removeprefix("channel: type: "))]
    found = problems(kind, given, () if kind is Rule else HIDDEN_KEYS)
    return found if isinstance(found, list) else []
