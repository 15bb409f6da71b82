"""Going on with a log that is not the one last signed for: a decision of a person, and the first entry of a new origin.

What was lost stays lost, and nobody can pretend otherwise: the entry names the last good checkpoint with its signed
note, how many entries are kept, who decided and why. Does not: bring anything back.
"""

from __future__ import annotations

import os
from base64 import b64encode
from datetime import datetime

from infusion_service.clinical.vocabulary import SITE_STREAM, Actor, Entry
from infusion_service.intake.identifiers import new_id
from infusion_service.log.checkpoints import LOG_CONTINUED, Outside, generation_of, origin_of
from infusion_service.log.entry import SALT_BYTES, seal
from infusion_service.log.merkle import Frontier
from infusion_service.log.note import NoteRejected
from infusion_service.log.store import Batch, Store


async def continue_log(
    store: Store, site: str, origin: str, outside: Outside, *, reason: str, by: Actor, now: datetime
) -> tuple[str, int]:
    """Append the entry that opens a new origin and return that origin with the entry's sequence number.

    `origin` is the log's own until now. Derived tables must be current. Raises what `Store.append` raises.
    """
    head = await store.log_head(site)
    fresh = origin_of(site, max(generation_of(origin), generation_of(outside.origin)) + 1)
    moment = now if head.received_at is None else max(now, head.received_at)
    previous: dict[str, str | int] = {"note": outside.note.decode("utf-8", "replace"), "origin": outside.origin}
    try:
        checkpoint = outside.checkpoint
    except NoteRejected:
        pass  # the note itself is what is wrong: it is kept as it was found
    else:
        previous |= {"root": b64encode(checkpoint.root).decode(), "size": checkpoint.size}
    entry = Entry(
        entry_id=new_id(moment),
        kind="admin",
        type=LOG_CONTINUED,
        stream=SITE_STREAM,
        occurred_at=moment,
        received_at=moment,
        actor=by,
        data={"kept": head.size, "origin": fresh, "previous": previous, "reason": reason},
    )
    row = seal(
        entry,
        site=site,
        seq=head.size + 1,
        n=head.site_n + 1,
        previous=head.site_last_hash,
        salt=os.urandom(SALT_BYTES),
    )
    frontier = Frontier.from_bytes(head.frontier)
    frontier.append(row.leaf_hash)
    await store.append(Batch(site=site, rows=[row], frontier=frontier.to_bytes()))
    return fresh, row.seq
