"""Checkpoints of a running service, the guard at start, going on after a loss, and keys that change."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infusion_service.bootstrap import Service, open_service
from infusion_service.clinical.vocabulary import Actor
from infusion_service.intake.checkpointing import KeyRefused, LastKey
from infusion_service.intake.clock import SimulatedClock
from infusion_service.intake.continuing import continue_log
from infusion_service.log.checkpoints import CheckpointDirectory, LogForked
from infusion_service.log.merkle import HASH_BYTES, Frontier
from infusion_service.log.note import Checkpoint, NoteRejected, Signer, Verifier, sign_note, verify_checkpoint
from infusion_service.log.signing_keys import FIRST_KEY_FILE, KeyUnusable, make_first_key, read_keys
from infusion_service.settings import Settings
from tests.intake.ward import MORNING, note, schedule

ADMIN = Actor(id="admin-1", role="admin", how="token")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    make_first_key(tmp_path)
    return Settings(site="demo", database=tmp_path / "infusion.db")


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Service]:
    """A service on the site's database, at the same simulated morning each time."""
    async with open_service(settings, clock=SimulatedClock(MORNING)) as service:
        yield service


def outside(settings: Settings) -> CheckpointDirectory:
    """What is kept outside the database."""
    return CheckpointDirectory(settings.checkpoints, settings.site)


def verifiers(service: Service) -> list[Verifier]:
    """The keys the service says it signs with."""
    return [Verifier.from_text(str(key["key"])) for key in service.checkpoints.list_keys()]


def published(settings: Settings) -> Checkpoint:
    """The checkpoint outside, unverified."""
    newest = outside(settings).newest()
    assert newest is not None
    return newest.checkpoint


async def test_every_commit_is_signed_and_the_last_one_is_outside_after_the_stop(settings: Settings) -> None:
    async with serving(settings) as service:
        day = await schedule(service.intake)
        for _ in range(3):
            await service.intake.submit(note(day))
            await service.intake.submit(note(day))
        keys, size, root = verifiers(service), service.intake.log_size, service.intake.root()

    newest = outside(settings).newest()
    assert newest is not None
    assert verify_checkpoint(newest.note, keys) == Checkpoint("demo/log1", size, root)
    hashes = outside(settings).leaf_hashes_file("demo/log1").read_bytes()
    leaves = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    assert len(leaves) == size
    assert Frontier(leaves).root() == root


async def test_the_hashes_are_caught_up_where_they_were_lost_or_cut(settings: Settings) -> None:
    async with serving(settings) as service:
        await schedule(service.intake)
    file = outside(settings).leaf_hashes_file("demo/log1")
    whole = file.read_bytes()
    file.write_bytes(whole[: HASH_BYTES + 7])
    async with serving(settings):
        pass
    assert file.read_bytes().startswith(whole)
    file.unlink()
    async with serving(settings) as service:
        size = service.intake.log_size
    assert len(file.read_bytes()) == size * HASH_BYTES


async def test_without_a_key_nothing_is_signed_and_facts_are_taken(tmp_path: Path) -> None:
    settings = Settings(site="demo", database=tmp_path / "infusion.db")
    async with serving(settings) as service:
        await schedule(service.intake)
        assert service.checkpoints.note is None
        with pytest.raises(KeyRefused):
            await service.checkpoints.rotate(ADMIN)
    assert not settings.checkpoints.exists()


async def test_a_directory_that_cannot_be_written_keeps_no_fact_out(settings: Settings) -> None:
    settings.checkpoints.write_text("a file where the directory should be")
    async with serving(settings) as service:
        await schedule(service.intake)
        size = service.intake.log_size
        assert service.checkpoints.note is not None
        assert verify_checkpoint(service.checkpoints.note, verifiers(service)).size == size


async def test_an_older_copy_of_the_database_is_not_written(settings: Settings, tmp_path: Path) -> None:
    async with serving(settings) as service:
        await schedule(service.intake, "P-1")
        older_size = service.intake.log_size
    older = tmp_path / "older.db"
    shutil.copy(settings.database, older)
    async with serving(settings) as service:
        await schedule(service.intake, "P-2")
        newer_size = service.intake.log_size

    shutil.copy(older, settings.database)
    with pytest.raises(LogForked) as refused:
        async with serving(settings):
            pass
    assert f"has {older_size} entries" in str(refused.value)
    assert f"of {newer_size} entries" in str(refused.value)
    assert "infusion log continue --accept-loss --reason" in str(refused.value)
    async with open_service(settings, clock=SimulatedClock(MORNING), read_only=True) as service:
        assert service.intake.log_size == older_size


async def test_another_log_of_the_same_length_is_not_written(settings: Settings, tmp_path: Path) -> None:
    async with serving(settings) as service:
        await schedule(service.intake)
    other = Settings(site="demo", database=tmp_path / "other" / "infusion.db")
    other.database.parent.mkdir()
    async with serving(other) as service:
        await schedule(service.intake)
        await schedule(service.intake, "P-9")
    shutil.copy(other.database, settings.database)
    with pytest.raises(LogForked, match="not the same entries"):
        async with serving(settings):
            pass


@pytest.mark.parametrize("harm", ["garbage", "of another site", "signed by a stranger"])
async def test_a_checkpoint_that_is_not_ours_stops_the_start(settings: Settings, tmp_path: Path, harm: str) -> None:
    async with serving(settings) as service:
        await schedule(service.intake)
    newest = outside(settings).newest()
    assert newest is not None
    if harm == "garbage":
        newest.path.write_bytes(b"\x00" + newest.note)
    elif harm == "of another site":
        newest.path.write_bytes(newest.note.replace(b"demo/log1", b"else/log1"))
    else:
        stranger = tmp_path / "stranger"
        stranger.mkdir()
        make_first_key(stranger)
        text, _, _ = newest.note.rpartition(b"\n\n")
        signer = Signer("demo/log1", read_keys(stranger)[0])
        newest.path.write_bytes(sign_note(text.decode() + "\n", [signer]))
    with pytest.raises(LogForked):
        async with serving(settings):
            pass


# One story from the loss to the next refusal; in pieces each would tell the beginning again.
async def test_a_log_goes_on_under_a_new_origin_that_names_the_last_good_checkpoint(
    settings: Settings, tmp_path: Path
) -> None:
    async with serving(settings) as service:
        await schedule(service.intake, "P-1")
        kept = service.intake.log_size
    shutil.copy(settings.database, tmp_path / "older.db")
    async with serving(settings) as service:
        await schedule(service.intake, "P-2")
    last_good = outside(settings).newest()
    assert last_good is not None
    shutil.copy(tmp_path / "older.db", settings.database)

    async with open_service(settings, clock=SimulatedClock(MORNING), read_only=True) as service:
        with pytest.raises(LogForked):
            await service.checkpoints.guard()
        origin, seq = await continue_log(
            service.store,
            "demo",
            service.checkpoints.origin,
            last_good,
            reason="the disk broke",
            by=ADMIN,
            now=MORNING,
        )
    assert (origin, seq) == ("demo/log2", kept + 1)

    async with serving(settings) as service:
        assert service.checkpoints.origin == "demo/log2"
        entry = (await service.intake.log_page(kept, 1))[0].as_json()
        assert entry["type"] == "log.continued"
        assert entry["data"]["previous"]["note"].encode() == last_good.note
        assert entry["data"]["previous"]["size"] == last_good.checkpoint.size
        assert entry["data"]["kept"] == kept
        await schedule(service.intake, "P-3")
        keys = verifiers(service)
    now_outside = outside(settings).newest()
    assert now_outside is not None
    assert verify_checkpoint(now_outside.note, keys).origin == "demo/log2"
    shutil.copy(tmp_path / "older.db", settings.database)
    with pytest.raises(LogForked, match="demo/log2"):
        async with serving(settings):
            pass


async def test_both_keys_sign_until_the_old_one_is_retired(settings: Settings) -> None:
    async with serving(settings) as service:
        (old,) = verifiers(service)
        added = await service.checkpoints.rotate(ADMIN)
        new = Verifier.from_text(str(added["key"]))
        assert service.checkpoints.note is not None
        for key in (old, new):
            assert verify_checkpoint(service.checkpoints.note, [key]).size == service.intake.log_size
        await service.checkpoints.retire(old.key_id.hex(), ADMIN)
        with pytest.raises(NoteRejected):
            verify_checkpoint(service.checkpoints.note, [old])
        with pytest.raises(LastKey):
            await service.checkpoints.retire(new.key_id.hex(), ADMIN)
        with pytest.raises(KeyRefused):
            await service.checkpoints.retire(old.key_id.hex(), ADMIN)
        types = [entry.as_json()["type"] for entry in await service.intake.log_page(0, 100)]
        assert types.count("key.added") == 2
        assert types.count("key.retired") == 1
    async with serving(settings) as service:
        assert service.checkpoints.note is not None
        assert verify_checkpoint(service.checkpoints.note, [new]).size == service.intake.log_size
        assert [(key["id"], key["signs"]) for key in service.checkpoints.list_keys()] == [
            (old.key_id.hex(), False),
            (new.key_id.hex(), True),
        ]
        types = [entry.as_json()["type"] for entry in await service.intake.log_page(0, 100)]
        assert types.count("key.added") == 2


async def test_a_key_file_that_holds_no_key_stops_the_start_and_is_not_quoted(settings: Settings) -> None:
    file = settings.database.parent / FIRST_KEY_FILE
    file.chmod(0o600)
    file.write_text("c2VjcmV0LW9mLXRoZS1zaXRl")
    with pytest.raises(KeyUnusable) as refused:
        async with serving(settings):
            pass
    assert "c2VjcmV0" not in str(refused.value)


async def test_after_the_stop_nobody_writes_outside_any_more(settings: Settings) -> None:
    for _ in range(25):
        async with serving(settings) as service:
            await service.intake.record("note", {}, ADMIN)  # published from here on, while the stop comes
            size = service.intake.log_size
        newest = outside(settings).newest()
        assert newest is not None
        assert newest.checkpoint.size == size
        assert not list(newest.path.parent.glob("*.new"))
