"""From folders to tables, pure: bottom up, what looks alike is one table, and the folders between are its partitions.

    files of a folder      most of them alike: one dataset, the others are odd; no majority: a table for each file
    key=value folders      partitions of one table, whatever their columns; another format or depth is odd
    plain folders          most of them alike: partition_0; else each is a table of its own
    a single plain folder  the table is below it, unless its name is a value (2024, 2024-01-31)

`docs/crawlers.md` has the rules with examples and where Glue does otherwise. Every decision leaves a sentence.
Left to others: how alike two schemas are (`merging.py`), what the tables become (`shaping.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from glulam.crawl.findings import ColumnFinding
from glulam.crawl.found import Odd
from glulam.crawl.merging import merge_columns, similarity
from glulam.crawl.variants import FolderFindings, Look, Variant

ALIKE = 0.7
"""From this similarity on, two schemas are one table's."""
MOST_SINGLE_FILES = 10
"""A folder in which no format has the majority makes so many tables of single files at most."""
_HIVE = re.compile(r"([^=/]+)=(.*)", re.DOTALL)
_VALUE_LIKE = re.compile(r"\d[\d._:TZ-]*|[a-zA-Z]{0,2}\d{1,4}")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a crawler's configuration says about grouping."""

    combine: bool = False
    table_level: int | None = None
    """1 is the bucket."""
    level: int = 1
    """Of the include path."""
    only: str | None = None
    """The include path is this one file."""


@dataclass(kw_only=True)
class Leaf:
    """A folder whose files are part of a dataset, with its own columns."""

    path: str
    values: tuple[str, ...] = ()
    variants: list[Variant]
    columns: tuple[ColumnFinding, ...]
    unseen: int = 0
    """Files that nobody looked into, because others stand for them, and their size."""
    unseen_bytes: int = 0

    @property
    def files(self) -> int:
        """That were looked into."""
        return sum(v.files for v in self.variants)


@dataclass(kw_only=True)
class Dataset:
    """What will be a table."""

    path: str
    file: str | None = None
    """The table is this one file of the folder."""
    levels: tuple[str | None, ...] = ()
    """Partition levels below `path`: the key of `key=value` folders, None for plain ones."""
    leaves: list[Leaf]
    look: Look
    """The one that most files have."""
    columns: tuple[ColumnFinding, ...]
    files: int
    reasons: list[str]
    odd: list[Odd] = field(default_factory=list)


def group(folders: Sequence[FolderFindings], rules: Rules) -> list[Dataset]:
    """The datasets below an include path, by path."""
    root = _Node(path="")
    for one in folders:
        if one.variants:
            root.at(one.path).own = one
    found = _Grouper(rules).visit(root, rules.level, within=False)
    if rules.only is not None:
        found = [replace(d, file=rules.only, reasons=["the include path is this one file"]) for d in found]
    return sorted(found, key=lambda d: (d.path, d.file or ""))


@dataclass(kw_only=True)
class _Node:
    path: str
    own: FolderFindings | None = None
    children: dict[str, _Node] = field(default_factory=dict)

    def at(self, path: str) -> _Node:
        node = self
        for part in path.split("/") if path else ():
            if part not in node.children:
                node.children[part] = _Node(path=f"{node.path}/{part}" if node.path else part)
            node = node.children[part]
        return node


@dataclass(frozen=True)
class _Grouper:
    rules: Rules

    def visit(self, node: _Node, level: int, *, within: bool) -> list[Dataset]:
        """The datasets at and below a folder. `within`: a key=value folder is above, so that the table begins there."""
        forced = self.rules.combine or (
            self.rules.table_level is not None and level >= self.rules.table_level
        )
        own = self.files(node, forced) if node.own is not None else []
        below = {
            name: self.visit(child, level + 1, within=within or _HIVE.fullmatch(name) is not None)
            for name, child in node.children.items()
        }
        if self.rules.table_level is not None and level < self.rules.table_level:
            return own + [d for found in below.values() for d in found]
        if not below:
            return own
        combined, rest = self.combine(node, below, forced, within)
        if combined is None:
            return own + rest
        return self.beside(combined, own) + rest

    def files(self, node: _Node, forced: bool) -> list[Dataset]:
        """The folder's own files: one dataset, or one for each file."""
        assert node.own is not None
        clusters = _cluster(node.own.variants, forced)
        best, total = clusters[0], sum(c.files for c in clusters)
        if len(clusters) > 1 and best.files * 2 <= total and total <= MOST_SINGLE_FILES and not forced:
            return [
                _single(node.path, v, name, total) for c in clusters for v in c.variants for name in v.names
            ]
        leaf = Leaf(path=node.path, variants=best.variants, columns=best.columns, unseen=node.own.unseen,
                    unseen_bytes=node.own.unseen_bytes)  # fmt: skip
        reason = f"{total:,} files, all alike" if len(clusters) == 1 else (
            f"{best.files:,} of {total:,} files are {best.look.classification} with similar columns"
        )  # fmt: skip
        odd = [
            Odd(path=_join(node.path, name), files=1, reason=_odd_file(v, best))
            for c in clusters[1:] for v in c.variants for name in v.names
        ]  # fmt: skip
        return [Dataset(path=node.path, leaves=[leaf], look=best.look, columns=best.columns, files=best.files,
                        reasons=[f"{_shown(node.path)}: {reason}"], odd=odd)]  # fmt: skip

    def combine(
        self, node: _Node, below: dict[str, list[Dataset]], forced: bool, within: bool
    ) -> tuple[Dataset | None, list[Dataset]]:
        """The table whose partitions the sub-folders are, if they are; and the datasets that stay apart."""
        whole = {
            name: found[0]
            for name, found in below.items()
            if len(found) == 1 and found[0].file is None and found[0].path == node.children[name].path
        }
        hive = {name: d for name, d in whole.items() if _HIVE.fullmatch(name)}
        chosen = hive or whole
        others = [d for name, found in below.items() if name not in chosen for d in found]
        if not chosen:
            return None, others
        groups = _families(chosen, forced)
        best = groups[0]
        if not hive and not forced and not _are_partitions(best, len(below), within):
            return None, [d for found in below.values() for d in found]
        left = [d for name, d in chosen.items() if name not in best.members]
        made = _joined(node.path, best, len(chosen))
        if hive or forced:
            for d in left:
                made.odd += [Odd(path=f"{d.path}/", files=d.files, reason=_odd_folder(d, made)), *d.odd]
            return made, others
        return made, others + left

    @staticmethod
    def beside(combined: Dataset, own: list[Dataset]) -> list[Dataset]:
        """A folder with partitions and files of its own: the files are odd, unless they are most of it."""
        mine = sum(d.files for d in own)
        if mine > combined.files:
            combined.reasons.append(
                f"{_shown(combined.path)}: {mine:,} files beside the folders are tables of their own"
            )
            if len(own) > 1 or own[0].file:
                return [*own, combined]
            own[0].odd += combined.odd
            return [own[0], *_apart(combined)]
        for d in own:
            names = (
                [d.file] if d.file else [name for leaf in d.leaves for v in leaf.variants for name in v.names]
            )
            combined.odd += d.odd
            combined.odd += [
                Odd(
                    path=_join(d.path, name),
                    files=1,
                    reason="lies beside the partition folders, in none of them",
                )
                for name in names
            ]
        return [combined]


def _apart(combined: Dataset) -> list[Dataset]:
    """The table's folders, each for itself."""
    found = []
    for leaf in combined.leaves:
        look = leaf.variants[0].look
        reason = f"{_shown(leaf.path)}: {leaf.files:,} files, not partitions: the folder above holds more files of its own"
        found.append(Dataset(path=leaf.path, leaves=[replace(leaf, values=())],
                             look=look, columns=leaf.columns, files=leaf.files, reasons=[reason]))  # fmt: skip
    return found


@dataclass(kw_only=True)
class _Cluster:
    look: Look
    columns: tuple[ColumnFinding, ...]
    variants: list[Variant]
    files: int


def compatible(one: Look, other: Look) -> bool:
    """Whether one reader reads both: the format, and what a reader has to be told. Compression it sees itself."""
    return one.classification == other.classification and _settings(one) == _settings(other)


def _settings(look: Look) -> dict[str, str]:
    return {
        k: v
        for k, v in look.parameters.items()
        if k in ("delimiter", "skip.header.line.count", "rowTag", "grokPattern", "input.regex")
    }


def _cluster(variants: Sequence[Variant], forced: bool) -> list[_Cluster]:
    """Alike variants together; most files first."""
    clusters: list[_Cluster] = []
    for v in variants:
        for c in clusters:
            if compatible(c.look, v.look) and (forced or similarity(c.columns, v.columns) >= ALIKE):
                c.columns = merge_columns(c.columns, v.columns)
                c.variants.append(v)
                c.files += v.files
                break
        else:
            clusters.append(_Cluster(look=v.look, columns=v.columns, variants=[v], files=v.files))
    return sorted(clusters, key=lambda c: -c.files)


def _single(path: str, variant: Variant, name: str, total: int) -> Dataset:
    share = 1 / variant.files
    alone = Variant(look=variant.look, names=[name], size_bytes=round(variant.size_bytes * share),
                    records=round(variant.records * share), complete=variant.complete, columns=variant.columns,
                    evidence=variant.evidence)  # fmt: skip
    reason = f"{_shown(path)}: its {total:,} files are of different kinds and none has the majority: a table for each"
    return Dataset(path=path, file=name, leaves=[Leaf(path=path, variants=[alone], columns=variant.columns)],
                   look=variant.look, columns=variant.columns, files=1, reasons=[reason])  # fmt: skip


@dataclass(kw_only=True)
class _Family:
    """Sub-folders that could be partitions of one table."""

    key: str | None
    members: dict[str, Dataset]
    columns: tuple[ColumnFinding, ...]
    lowest: float = 1.0
    """The smallest similarity that was met."""

    @property
    def first(self) -> Dataset:
        return next(iter(self.members.values()))

    @property
    def files(self) -> int:
        return sum(d.files for d in self.members.values())


def _families(chosen: dict[str, Dataset], forced: bool) -> list[_Family]:
    """Most folders first, then most files."""
    families: list[_Family] = []
    for name, d in chosen.items():
        match = _HIVE.fullmatch(name)
        key = match[1].lower() if match else None
        for family in families:
            first = family.first
            if family.key != key or len(first.levels) != len(d.levels) or not compatible(first.look, d.look):
                continue
            if [k is None for k in first.levels] != [k is None for k in d.levels]:
                continue
            alike = similarity(family.columns, d.columns)
            if forced or key is not None or alike >= ALIKE:
                family.members[name] = d
                family.columns = merge_columns(family.columns, d.columns)
                family.lowest = min(family.lowest, alike)
                break
        else:
            families.append(_Family(key=key, members={name: d}, columns=d.columns))
    return sorted(families, key=lambda f: (-len(f.members), -f.files))


def _are_partitions(best: _Family, folders: int, within: bool) -> bool:
    """Whether plain folders are one table's: most of them are alike; a single one only below a key=value folder, or if
    its name is a value."""
    if len(best.members) * 2 <= folders:
        return False
    if len(best.members) > 1 or within:
        return True
    return _VALUE_LIKE.fullmatch(next(iter(best.members))) is not None


def _joined(path: str, family: _Family, folders: int) -> Dataset:
    leaves, odd = [], []
    for name, d in family.members.items():
        value = _HIVE.fullmatch(name)[2] if family.key is not None else name  # type: ignore[index]
        for leaf in d.leaves:
            leaves.append(replace(leaf, values=(value, *leaf.values)))
        odd += d.odd
    looks: dict[int, tuple[int, Look]] = {}
    for d in family.members.values():
        looks[id(d.look)] = (looks.get(id(d.look), (0, d.look))[0] + d.files, d.look)
    look = max(looks.values(), key=lambda pair: pair[0])[1]
    what = f"{family.key}=... folders" if family.key is not None else "plain folders"
    reason = f"{_shown(path)}: {len(family.members):,} of {folders:,} {what} hold {look.classification}"
    if len(family.members) > 1:
        reason += f" whose columns are alike ({family.lowest:.0%} at least)"
    first = family.first
    return Dataset(path=path, levels=(family.key, *first.levels), leaves=leaves, look=look, columns=family.columns,
                   files=family.files, reasons=[reason, *first.reasons[:1]], odd=odd)  # fmt: skip


def _odd_file(variant: Variant, best: _Cluster) -> str:
    if not compatible(variant.look, best.look):
        return f"is {_said(variant.look)}; most files of the folder are {_said(best.look)}"
    alike = similarity(best.columns, variant.columns)
    return f"has other columns than most files of the folder ({alike:.0%} alike, {ALIKE:.0%} needed)"


def _odd_folder(d: Dataset, made: Dataset) -> str:
    if not compatible(d.look, made.look):
        return f"holds {_said(d.look)}; the table is {_said(made.look)}"
    found, expected = len(d.levels) + 1, len(made.levels)
    if found != expected:
        return f"has {found} levels of folders; the table has {expected}"
    return f"its folders have other keys than the table's ({', '.join(k or 'plain' for k in made.levels)})"


def _said(look: Look) -> str:
    delimiter = look.parameters.get("delimiter")
    return look.classification + (f" with the delimiter {delimiter!r}" if delimiter else "")


def _shown(path: str) -> str:
    return f"{path}/" if path else "the include path"


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
