"""The log is the truth: whatever is derived can be dropped and comes back the same."""

from __future__ import annotations

import pytest

from infusion_service.clinical.vocabulary import SITE_STREAM
from infusion_service.log.store import EventIdTaken, Put, RebuildRequired, Store
from tests.log.given import DAY_1, DAY_2, SITE, Scribe, a_head, an_entry, event_id


@pytest.fixture
async def filled(store: Store, scribe: Scribe) -> Store:
    """A store with enough in it to have a stored subtree."""
    for first in range(1, 301, 100):
        entries = [an_entry(number, (DAY_1, DAY_2)[number % 2]) for number in range(first, first + 100)]
        await store.append(scribe.write(*entries, heads=[a_head(DAY_1), a_head(DAY_2)]))
    await store.append(scribe.write(an_entry(301, SITE_STREAM), operational=[Put("device", "a", {})]))
    return store


async def test_dropped_tables_come_back_from_the_log(filled: Store, scribe: Scribe) -> None:
    tree = [(8, 0), (0, 300), (3, 36)]
    before = await filled.log_head(SITE), await filled.day_heads(SITE, limit=10), await filled.read_subtrees(SITE, tree)
    await filled.drop_derived()
    assert not await filled.derived_is_current(SITE)
    assert await filled.log_head(SITE) == before[0] == scribe.head()
    assert await filled.day_heads(SITE, limit=10) == []
    await filled.rebuild_event_keys(SITE)
    assert not await filled.derived_is_current(SITE)
    await filled.replace_heads(SITE, before[1])
    assert await filled.derived_is_current(SITE)
    after = await filled.log_head(SITE), await filled.day_heads(SITE, limit=10), await filled.read_subtrees(SITE, tree)
    assert after == before
    assert await filled.find_event(SITE, event_id(301)) == scribe.rows[300]


async def test_nothing_is_appended_before_the_rebuild(filled: Store, scribe: Scribe) -> None:
    heads = await filled.day_heads(SITE, limit=10)
    batch = scribe.write(an_entry(302))
    await filled.drop_derived()
    with pytest.raises(RebuildRequired):
        await filled.append(batch)
    await filled.rebuild_event_keys(SITE)
    with pytest.raises(RebuildRequired):
        await filled.append(batch)
    await filled.replace_heads(SITE, heads)
    await filled.append(batch)
    assert (await filled.log_head(SITE)).size == 302


async def test_a_rebuilt_index_refuses_the_same_ids(filled: Store, scribe: Scribe) -> None:
    await filled.drop_derived()
    await filled.rebuild_event_keys(SITE)
    await filled.replace_heads(SITE, [a_head(DAY_1), a_head(DAY_2)])
    with pytest.raises(EventIdTaken):
        await filled.append(scribe.write(an_entry(7)))


async def test_rebuilding_what_is_current_changes_nothing(filled: Store, scribe: Scribe) -> None:
    heads = await filled.day_heads(SITE, limit=10)
    await filled.rebuild_event_keys(SITE)
    await filled.replace_heads(SITE, heads)
    assert await filled.derived_is_current(SITE)
    assert await filled.log_head(SITE) == scribe.head()


async def test_a_rebuild_keeps_ids_whose_bodies_were_erased(filled: Store, scribe: Scribe) -> None:
    await filled.append(scribe.write(an_entry(302, DAY_2), erase=[DAY_1]))
    await filled.rebuild_event_keys(SITE)
    with pytest.raises(EventIdTaken):
        await filled.append(scribe.write(an_entry(2, DAY_2)))


async def test_operational_records_are_not_derived(filled: Store) -> None:
    await filled.drop_derived()
    assert await filled.records(SITE, "device") == {"a": {}}


async def test_heads_are_replaced_as_a_whole(filled: Store) -> None:
    await filled.replace_heads(SITE, [a_head(DAY_2, version=7)])
    assert await filled.day_heads(SITE, limit=10) == [a_head(DAY_2, version=7)]
