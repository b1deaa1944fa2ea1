"""Operations on classifiers. One is kept as `{member: its settings}`, where member says of which of the four kinds it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.api.paging import Paging
from glulam.api.scopes import account_scope
from glulam.catalog import classifiers, resources
from glulam.catalog.resources import Kind, Resource, Shelf
from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput
from glulam.store.database import Database

_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Classifiers:
    database: Database
    paging: Paging

    def create_classifier(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        member, name, given = _input(asked)
        classifiers.check(member, given)
        with self.database.transaction() as conn:
            resources.create(conn, _shelf(caller), name, {member: given})

    def update_classifier(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        """Members that are not given stay as they are."""
        member, name, given = _input(asked)
        with self.database.transaction() as conn:
            found = resources.get(conn, _shelf(caller), name, for_update=True)
            (kind,) = found.document
            if kind != member:
                raise InvalidInput(
                    f"Classifier {name} is a {kind}, found {member}: a classifier keeps its kind"
                )
            changed = {**found.document[kind], **given}
            classifiers.check(member, changed)
            resources.update(conn, _shelf(caller), name, {member: changed})

    def delete_classifier(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            resources.delete(conn, _shelf(caller), asked["Name"])

    def get_classifier(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {"Classifier": _shown(resources.get(conn, _shelf(caller), asked["Name"]))}

    def get_classifiers(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        def read(position: list[Any], limit: int) -> list[Resource]:
            with self.database.connection() as conn:
                return resources.page(
                    conn, _shelf(caller), after=position[0] if position else "", limit=limit
                )

        found, token = self.paging.page("GetClassifiers", caller, asked, _PAGE, read, lambda r: [r.name])
        return {"Classifiers": [_shown(r) for r in found], "NextToken": token}


def _input(asked: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Member, name and settings of the one classifier that a request holds."""
    if len(asked) != 1:
        raise InvalidInput(
            "expected exactly one of GrokClassifier, XMLClassifier, JsonClassifier, CsvClassifier; "
            f"found {', '.join(asked) or 'none'}"
        )
    ((member, settings),) = asked.items()
    given = dict(settings)
    return member, given.pop("Name"), given


def _shown(found: Resource) -> dict[str, Any]:
    ((member, settings),) = found.document.items()
    return {member: {
        **settings, "Name": found.name, "CreationTime": found.created_at, "LastUpdated": found.updated_at,
        "Version": found.version,
    }}  # fmt: skip


def _shelf(caller: Caller) -> Shelf:
    return Shelf(scope=account_scope(caller), kind=Kind.CLASSIFIER)
