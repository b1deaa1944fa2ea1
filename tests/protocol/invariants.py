"""What must hold in every state of the modelled protocol, and what must be true once nothing is left to do.

Each check answers with a sentence when it falls, else with an empty text. They look at the world only, never
at a worker's memory: a promise to the user is about what is stored.
"""

from __future__ import annotations

from collections.abc import Callable

from protocol.state import (
    ABSENT,
    BATCH_FAILED,
    COMMITTED,
    DEAD,
    DONE,
    GOOD,
    IDLE,
    QUARANTINED,
    RUNNING,
    SPLIT,
    SUCCEEDED,
    SUPERSEDED,
    UNSEEN,
    Batch,
    Config,
    State,
    World,
    versions_in,
)

Check = Callable[[Config, World], str]


def _output(config: Config, batch: Batch, kind: int) -> int:
    """What a committed batch holds of one kind: at its final name, else where its manifest has it staged."""
    assert batch.manifest is not None
    if batch.final[kind] != ABSENT:
        return batch.final[kind]
    for staged in batch.staged:
        if staged.epoch == batch.manifest.epoch and staged.kind == kind:
            return staged.content
    return ABSENT


def _outputs(config: Config, world: World, kind: int) -> list[int]:
    committed = [b for b in world.batches if b.state in (COMMITTED, DONE) and b.manifest is not None]
    return [max(0, _output(config, b, kind)) for b in committed]


def conserve(config: Config, world: World) -> str:
    """Each record of a SUCCEEDED version is in the committed outputs once; no other version's record is."""
    for kind in (GOOD, DEAD):
        outputs = _outputs(config, world, kind)
        for version, status in enumerate(world.files):
            times = sum(content >> version & 1 for content in outputs)
            if times != (status == SUCCEEDED):
                return f"output {kind} holds the record of v{version} ({status}) {times} times"
    return ""


def account(config: Config, world: World) -> str:
    """Per committed batch: the ledger's counts are those of the rows in the files."""
    for number, batch in enumerate(world.batches):
        if batch.state not in (COMMITTED, DONE) or batch.manifest is None:
            continue
        for kind in (GOOD, DEAD):
            rows = max(0, _output(config, batch, kind)).bit_count()
            counted = batch.manifest.files.bit_count()
            if rows != counted:
                return f"batch {number} counts {counted} rows in output {kind}, which holds {rows}"
    return ""


def commit_before_visible(config: Config, world: World) -> str:
    """A file under a final name is one that a commit listed, with the content that it listed."""
    for number, batch in enumerate(world.batches):
        visible = [content for content in batch.final if content != ABSENT]
        if config.without == "staging":  # then what is staged stands under final names already
            visible += [staged.content for staged in batch.staged]
        if not visible:
            continue
        if batch.manifest is None or batch.state not in (COMMITTED, DONE):
            return f"batch {number} is {batch.state} and has a visible file"
        if any(content != batch.manifest.content for content in visible):
            return f"batch {number} shows a file that its manifest does not list"
    return ""


def single_commit(config: Config, world: World) -> str:
    """One commit a batch; nothing but a commit brings a manifest; a committed batch stays committed."""
    for number, batch in enumerate(world.batches):
        if batch.commits > 1:
            return f"batch {number} was committed twice"
        if (batch.commits == 1) != (batch.state in (COMMITTED, DONE)):
            return f"batch {number} had {batch.commits} commits and is {batch.state}"
    return ""


def frozen(config: Config, world: World) -> str:
    """Members never change, no version is in two batches (halves replace theirs), no manifest goes beyond."""
    taken = 0
    for number, batch in enumerate(world.batches):
        if batch.members != batch.born:
            return (
                f"batch {number} was created with {versions_in(batch.born)}, has {versions_in(batch.members)}"
            )
        if batch.manifest is not None and batch.manifest.files & ~batch.members:
            return f"batch {number} committed files that are not its members"
        if batch.state != SPLIT:
            if taken & batch.members:
                return f"batch {number} shares a file with another"
            taken |= batch.members
    return ""


def no_source_loss(config: Config, world: World) -> str:
    """A version lies in raw or in the archive until the user replaced it; none is written off before that."""
    for version, key in enumerate(config.keys):
        if world.overwritten >> version & 1 or not world.written >> version & 1:
            continue
        if world.raw[key] != version and not world.archived >> version & 1:
            return f"v{version} is neither in raw nor in the archive, and nobody overwrote it"
        if world.files[version] == SUPERSEDED:
            return f"v{version} is SUPERSEDED, and nobody overwrote it"
    return ""


def unknown_is_not_failed(config: Config, world: World) -> str:
    """What a commit of unknown outcome refers to is there, while it may take effect and after it did."""
    for sent in world.in_flight:
        batch = world.batches[sent.batch]
        if sent.content and batch.state == RUNNING and batch.epoch == sent.epoch:
            kinds = {staged.kind for staged in batch.staged if staged.epoch == sent.epoch}
            if kinds != {GOOD, DEAD}:
                return f"a commit of batch {sent.batch} is in flight, and its staged files are gone"
    for number, batch in enumerate(world.batches):
        if batch.manifest is not None and batch.manifest.unknown and batch.manifest.content:
            if batch.state not in (COMMITTED, DONE):
                return f"batch {number} is {batch.state}; its commit of unknown outcome took effect"
            if ABSENT in (_output(config, batch, GOOD), _output(config, batch, DEAD)):
                return f"a commit of unknown outcome took effect, and a file of batch {number} is gone"
    return ""


CHECKS: dict[str, Check] = {
    "CONSERVE": conserve,
    "ACCOUNT": account,
    "COMMIT-BEFORE-VISIBLE": commit_before_visible,
    "SINGLE-COMMIT": single_commit,
    "FROZEN": frozen,
    "NO-SOURCE-LOSS": no_source_loss,
    "UNKNOWN-IS-NOT-FAILED": unknown_is_not_failed,
}


def progress(config: Config, state: State) -> str:
    """For a state in which nobody has anything to do: all is settled, published, archived."""
    world = state.world
    if state.workers != (IDLE, IDLE):
        return f"a worker hangs: {[worker.step for worker in state.workers]}"
    for number, batch in enumerate(world.batches):
        if batch.state not in (DONE, SPLIT, BATCH_FAILED):
            return f"batch {number} stays {batch.state}"
        if batch.state == DONE and batch.manifest is not None and batch.manifest.content:
            visible = set(batch.final) if config.without != "staging" else {batch.manifest.content}
            if visible != {batch.manifest.content}:
                return f"batch {number} is DONE and not all published"
    for version, status in enumerate(world.files):
        unread = status == UNSEEN and (world.overwritten >> version & 1 or not world.written >> version & 1)
        if status not in (SUCCEEDED, QUARANTINED, SUPERSEDED) and not unread:
            return f"v{version} stays {status}"
        if status == SUCCEEDED and world.raw[config.keys[version]] == version:
            return f"v{version} was ingested and is not archived"
    return ""
