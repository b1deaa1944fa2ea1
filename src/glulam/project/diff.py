"""What differs between a definition and what the server has, and the document that ends the difference.

A project speaks for the members that it names, and for those that it named when it was last applied; what else is on the
server is left as it is. Lists are one value, except that a server may fill in members of their items. An alert's channel or
rule is a whole: there the project speaks for all of it.

All texts here are filled ones (`texts.py`), the server's as well; `secret` tells the value of a secret, or None."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from glulam.observe.secrets import MASK
from glulam.project.kinds import Document, Kind, ModelKind, empty, same_json, underived
from glulam.project.texts import SEALED, names_a_secret, reveal, secrets_in, secrets_of

Secret = Callable[[str], str | None]
Path = tuple[str, ...]
HIDDEN = "(hidden)"


@dataclass(frozen=True, kw_only=True)
class FieldDiff:
    """One member; None: it is not there. What is secret is HIDDEN, or the reference."""

    path: Path
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Of one thing."""

    fields: tuple[FieldDiff, ...]
    gone: tuple[Path, ...]
    """Members that are to be taken away."""


def difference(
    kind: Kind,
    wanted: Document,
    there: Document,
    last: Document,
    secret: Secret,
    rotated: Collection[str] = (),
) -> Difference:
    """`there`: the server's definition; `last`: the one that was applied last ({}: none was); `rotated`: the secrets that
    have another value since."""
    if isinstance(kind, ModelKind):
        comparing = _Comparing(kind=kind, secret=secret, rotated=rotated)
        found = list(comparing.maps(_shortened(kind, wanted), there, last, ()))
    else:
        found = list(_wholes(wanted, there, rotated, ()))
    gone = tuple(d.path for d in found if d.after is None)
    return Difference(fields=tuple(masked(d) for d in found), gone=gone)


def _shortened(kind: ModelKind, wanted: Document) -> Document:
    short = {m: wanted[m].rpartition(":role/")[2] for m in kind.shortened if isinstance(wanted.get(m), str)}
    return {**wanted, **short}


@dataclass(frozen=True, kw_only=True)
class _Comparing:
    kind: ModelKind
    secret: Secret
    rotated: Collection[str]

    def maps(
        self, wanted: Mapping[str, Any], there: Mapping[str, Any], last: Mapping[str, Any], path: Path
    ) -> Iterator[FieldDiff]:
        for key in sorted({*wanted, *(k for k in last if k in there)}):
            if empty(there.get(key)) and self.unseen(
                wanted.get(key), last.get(key), key, sealed=SEALED + key in there
            ):
                continue
            yield from self.values(wanted.get(key), there.get(key), last.get(key), (*path, key))

    def values(self, wanted: Any, there: Any, last: Any, path: Path) -> Iterator[FieldDiff]:
        if self.same(wanted, there):
            return
        before = last if isinstance(last, Mapping) else {}
        if isinstance(there, Mapping) and (isinstance(wanted, Mapping) or (empty(wanted) and before)):
            yield from self.maps(wanted or {}, there, before, path)
        elif isinstance(wanted, list) and isinstance(there, list):
            yield from self.lists(wanted, there, last, path)
        else:
            yield FieldDiff(path=path, before=there, after=wanted)

    def lists(self, wanted: list[Any], there: list[Any], last: Any, path: Path) -> Iterator[FieldDiff]:
        before = last if isinstance(last, list) and len(last) == len(wanted) else [None] * len(wanted)
        if len(wanted) != len(there):
            yield FieldDiff(path=path, before=there, after=wanted)
            return
        parts = list(zip(wanted, there, before, strict=True))
        loose = [list(self.values(w, t, b, (*path, str(at)))) for at, (w, t, b) in enumerate(parts)]
        if any(loose):  # the whole list will be replaced: what the server filled in goes, too
            for at, (w, t, _) in enumerate(parts):
                yield from self.values(w, t, t, (*path, str(at)))

    def same(self, wanted: Any, there: Any) -> bool:
        if empty(wanted) and empty(there):
            return True
        if isinstance(wanted, str) and isinstance(there, str) and secrets_in(wanted):
            values = {name: self.secret(name) for name in secrets_in(wanted)}
            if any(value is None for value in values.values()):
                return True  # it cannot be told here; only who knows the secret can
            return reveal(wanted, lambda name: values[name] or "") == reveal(there, lambda name: name)
        return bool(wanted == there and type(wanted) is not bool) or wanted is there

    def unseen(self, wanted: Any, last: Any, key: str, *, sealed: bool) -> bool:
        """Whether no answer would show the member (`sealed`: it shows that there is one), and it was applied so."""
        named = secrets_of(wanted)
        if not named and key not in self.kind.unseen:
            return False
        return named.isdisjoint(self.rotated) and bool(wanted == last or (sealed and last is None))


def _wholes(wanted: Any, there: Any, rotated: Collection[str], path: Path) -> Iterator[FieldDiff]:
    """What a server keeps hidden is the secret that is referred to, unless that has another value since."""
    if (
        isinstance(wanted, Mapping)
        and isinstance(there, Mapping)
        and None not in (*wanted.values(), *there.values())
    ):
        for key in sorted({*wanted, *there}):
            yield from _wholes(wanted.get(key), there.get(key), rotated, (*path, key))
    elif not secrets_of(wanted).isdisjoint(rotated) or not (
        _hides(wanted, there) or same_json(wanted) == same_json(there)
    ):
        yield FieldDiff(path=path, before=there, after=wanted)


def _hides(wanted: Any, there: Any) -> bool:
    return isinstance(wanted, str) and isinstance(there, str) and MASK in there and bool(secrets_in(wanted))


def masked(found: FieldDiff) -> FieldDiff:
    """For people and plan files: no secret's value."""
    reference = isinstance(found.after, str) and bool(secrets_in(found.after))
    secret = reference or any(names_a_secret(step) for step in found.path)
    before = HIDDEN if secret and found.before is not None else concealed(found.before)
    after = HIDDEN if secret and not reference and found.after is not None else concealed(found.after)
    return FieldDiff(path=found.path, before=before, after=after)


def concealed(value: Any) -> Any:
    """A document with HIDDEN in place of what is secret by its name; references stay."""
    if isinstance(value, Mapping):
        return {
            k: HIDDEN if names_a_secret(k) and not (isinstance(v, str) and secrets_in(v)) else concealed(v)
            for k, v in value.items()
        }
    return [concealed(v) for v in value] if isinstance(value, list) else value


def leaves(document: Any, path: Path = ()) -> Iterator[FieldDiff]:
    """A definition that is new, member by member."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield from leaves(value, (*path, key))
    elif not empty(document):
        yield masked(FieldDiff(path=path, before=None, after=document))


def updated(kind: ModelKind, wanted: Document, there: Document, gone: tuple[Path, ...]) -> Document:
    """The definition to send: the server's, with what is wanted in it and without what goes."""
    found = laid(wanted, deepcopy(there))
    for path in gone:
        _remove(found, path, emptied=kind.partial)
    return underived(kind, _unsealed(found), wanted)


def _unsealed(document: Any) -> Any:
    """Without sealed secrets that are given anew."""
    if not isinstance(document, Mapping):
        return document
    return {
        k: _unsealed(v)
        for k, v in document.items()
        if not (k.startswith(SEALED) and k.removeprefix(SEALED) in document)
    }


def laid(wanted: Any, there: Any) -> Any:
    """`wanted` over `there`: mappings by key."""
    if not isinstance(wanted, Mapping) or not isinstance(there, Mapping):
        return wanted
    return {**there, **{key: laid(value, there.get(key)) for key, value in wanted.items()}}


def _remove(document: Document, path: Path, *, emptied: bool) -> None:
    """`emptied`: an update leaves a member that is not given as it is, so that it is given empty."""
    *steps, last = path
    here: Any = document
    for step in steps:
        here = here.get(step) if isinstance(here, Mapping) else None
    if not isinstance(here, dict) or last not in here:
        return
    if emptied and not steps:
        here[last] = type(here[last])()
    else:
        del here[last]
