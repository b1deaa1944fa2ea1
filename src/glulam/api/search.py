"""SearchTables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.api.paging import Paging
from glulam.api.scopes import existing_scope
from glulam.api.sight import Sight
from glulam.api.tables import arns_of, shown
from glulam.catalog.search import Filter, Hit, Search, search_tables
from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput
from glulam.store.database import Database

_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class TableSearch:
    database: Database
    paging: Paging
    sight: Sight

    def search_tables(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """IncludeStatusDetails changes nothing: no change of a table is ever under way."""
        search = _search(asked)

        def read(position: list[Any], limit: int) -> list[Hit]:
            with self.database.transaction() as conn:
                scope = existing_scope(conn, caller, asked)
                if asked.get("ResourceShareType") == "FOREIGN":
                    return []  # other accounts share nothing with this one
                return search_tables(conn, scope, search, after=position, limit=limit)

        found, token = self.paging.page(
            "SearchTables", caller, asked, _PAGE, read, lambda h: [h.rank, h.table.database, h.table.name]
        )
        tables = self.sight.seen(caller, ("SearchTables", "GetTable"), (hit.table for hit in found), arns_of)
        return {"TableList": [shown(table) for table in tables], "NextToken": token}


def _search(asked: Mapping[str, Any]) -> Search:
    filters = []
    for given in asked.get("Filters", ()):
        if "Key" not in given or "Value" not in given:
            raise InvalidInput(f"Filters: expected Key and Value, found {', '.join(given) or 'neither'}")
        filters.append(
            Filter(key=given["Key"], value=given["Value"], comparator=given.get("Comparator", "EQUALS"))
        )
    sort: Mapping[str, str] = next(iter(asked.get("SortCriteria", ())), {})
    return Search(
        filters=filters, text=asked.get("SearchText", ""), sort_by=sort.get("FieldName", "DatabaseName"),
        descending=sort.get("Sort") == "DESC", federated=asked.get("ResourceShareType") == "FEDERATED",
    )  # fmt: skip
