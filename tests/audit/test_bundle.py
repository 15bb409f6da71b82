"""A day carried away: it verifies by itself, tells nothing of anybody else, and every change of it is seen."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from infusion_service.cli.export import CHECKPOINT_LOOKS_MAX, collected
from infusion_service.log.bundle import CheckpointBehind, unpack
from infusion_service.log.checkpoints import CheckpointDirectory
from infusion_service.log.entry import leaf_hash
from infusion_service.log.log_file import LogFile, reading
from infusion_service.log.merkle import Frontier
from infusion_service.log.note import Checkpoint, Signer, Verifier, sign_checkpoint
from infusion_service.log.signing_keys import make_further_key, read_keys
from infusion_service.log.verify_bundle import verify_bundle
from infusion_service.log.verify_report import Report
from infusion_service.settings import Settings
from tests.audit.played import SITE, play
from tests.cli.running import Ended, infusion

DAY_OF = {"Canary1": 0, "Canary2": 1, "Canary3": 2}


class Evidence:
    """A site with three patients' days, and one of them exported."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.settings: Settings = play(directory, "s02", "s08", "g19")
        with reading(self.settings.database) as connection:
            log = LogFile(connection)
            names = [log.stream_name(key) or "" for key, _ in log.streams()]
            self.days = [name for name in names if name != "site"]
            self.rows = list(log.rows())
        self.key = Signer(f"{SITE}/log1", read_keys(directory)[0]).verifier
        (directory / "key.txt").write_text(self.key.as_text() + "\n")

    def infusion(self, *arguments: str | Path) -> Ended:
        """Run a command on the site."""
        env = {"INFUSION_SITE_NAME": SITE, "INFUSION_STORAGE_DATABASE": str(self.settings.database)}
        return infusion(*arguments, env=env)

    def export(self, out: Path, *more: str | Path) -> bytes:
        """Export the second patient's day."""
        done = self.infusion("export", "--day", self.days[1], "--out", out, *more)
        assert done.code == 0, done.err
        return out.read_bytes()


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return Evidence(tmp_path_factory.mktemp("evidence"))


@pytest.fixture(scope="module")
def bundle(evidence: Evidence, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return evidence.export(tmp_path_factory.mktemp("out") / "day.zip")


def files_of(bundle: bytes) -> dict[str, bytes]:
    """The files in a bundle."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: dict[str, bytes]) -> bytes:
    """A bundle of these files, with a manifest that names them as they are."""
    manifest = json.loads(files["manifest.json"])
    others = {name: raw for name, raw in files.items() if name != "manifest.json"}
    manifest["files"] = {name: sha256(raw).hexdigest() for name, raw in others.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for name, raw in others.items():
            archive.writestr(name, raw)
    return out.getvalue()


def report_of(bundle: bytes, key: Verifier) -> Report:
    """What the verifier says under a pinned key."""
    return verify_bundle(bundle, keys=[key])[0]


def test_a_bundle_verifies_where_there_is_neither_database_nor_service(
    evidence: Evidence, bundle: bytes, tmp_path: Path
) -> None:
    (tmp_path / "day.zip").write_bytes(bundle)
    shutil.copy(evidence.directory / "key.txt", tmp_path / "key.txt")
    done = infusion("verify", tmp_path / "day.zip", "--public-key", tmp_path / "key.txt", "--json")
    assert done.code == 0, done.out
    report = json.loads(done.out)
    assert report["ok"]
    status = {step["step"]: step["status"] for step in report["steps"]}
    assert status.pop("consistency") == "not checked"
    assert set(status.values()) == {"ok"}
    assert all(not step["note"] for step in report["steps"] if step["step"] != "consistency")


def test_a_bundle_holds_every_entry_of_its_day(evidence: Evidence, bundle: bytes) -> None:
    with reading(evidence.settings.database) as connection:
        log = LogFile(connection)
        wanted = [leaf for _, key, _, leaf, *_ in log.rows() if log.stream_name(key) == evidence.days[1]]
    assert [proven.entry.leaf for proven in unpack(bundle).entries] == wanted


def test_no_string_of_another_patient_is_in_a_bundle(evidence: Evidence, bundle: bytes) -> None:
    own, *others = ["P-2", "Canary2", "Bird2"], ["P-1", "Canary1", "Bird1"], ["P-3", "Canary3", "Bird3"]
    ids = [
        json.loads(body)["entry_id"]
        for _, key, _, leaf, _, body, _ in evidence.rows
        if evidence.days[1].encode() not in leaf and b'"stream":"site"' not in leaf
    ]
    foreign = [*(word for words in others for word in words), evidence.days[0], evidence.days[2], *ids]
    for name, raw in files_of(bundle).items():
        assert not [word for word in foreign if word.encode() in raw], name
    record = files_of(bundle)["record.html"].decode()
    assert all(word in record for word in own)


def test_the_same_day_gives_the_same_bytes(evidence: Evidence, bundle: bytes, tmp_path: Path) -> None:
    assert evidence.export(tmp_path / "again.zip") == bundle


def flipped(raw: bytes, random: Random) -> bytes:
    """One bit of it the other way round."""
    place = random.randrange(len(raw))
    return raw[:place] + bytes([raw[place] ^ 1 << random.randrange(8)]) + raw[place + 1 :]


def change_body(line: dict[str, Any], random: Random) -> None:
    """Another digit somewhere in what the entry says."""
    places = [place for place, character in enumerate(line["body"]) if character.isdecimal()]
    place = random.choice(places)
    digit = str((int(line["body"][place]) + 1) % 10)
    line["body"] = line["body"][:place] + digit + line["body"][place + 1 :]


def change_leaf(line: dict[str, Any], random: Random) -> None:
    """Another moment of receipt."""
    at = line["leaf"].rindex(".")
    digits = f"{(int(line['leaf'][at + 1 : at + 4]) + random.randrange(1, 1000)) % 1000:03}"
    line["leaf"] = line["leaf"][: at + 1] + digits + line["leaf"][at + 4 :]


def change_salt(line: dict[str, Any], random: Random) -> None:
    """Another bit of the salt."""
    line["salt"] = b64encode(flipped(b64decode(line["salt"]), random)).decode()


def change_proof(line: dict[str, Any], random: Random) -> None:
    """Another bit of one step of the proof."""
    step = random.randrange(len(line["proof"]))
    line["proof"][step] = b64encode(flipped(b64decode(line["proof"][step]), random)).decode()


def lose_body(line: dict[str, Any], random: Random) -> None:
    """No body."""
    line["body"] = None


@pytest.mark.parametrize("change", [change_body, change_leaf, change_salt, change_proof, lose_body])
def test_a_changed_entry_is_named(
    evidence: Evidence, bundle: bytes, change: Callable[[dict[str, Any], Random], None]
) -> None:
    files = files_of(bundle)
    lines = [json.loads(line) for line in files["entries.ndjson"].splitlines()]
    for seed in range(12):
        random = Random(seed)  # noqa: S311 - the same change every time
        place = random.randrange(len(lines))
        changed = [dict(line, proof=list(line["proof"])) for line in lines]
        change(changed[place], random)
        entries = b"".join(
            json.dumps(line, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode() + b"\n"
            for line in changed
        )
        report = report_of(packed({**files, "entries.ndjson": entries}), evidence.key)
        assert report.findings.first_bad_seq == lines[place]["seq"], report.findings.listed


def test_an_entry_left_out_is_missed(evidence: Evidence, bundle: bytes) -> None:
    files = files_of(bundle)
    lines = files["entries.ndjson"].splitlines(keepends=True)
    for place in range(len(lines) - 1):
        entries = b"".join(lines[:place] + lines[place + 1 :])
        report = report_of(packed({**files, "entries.ndjson": entries}), evidence.key)
        assert report.findings.first_bad_seq == json.loads(lines[place + 1])["seq"]


def test_no_file_of_a_bundle_can_be_changed_unseen(evidence: Evidence, bundle: bytes) -> None:
    files = files_of(bundle)
    for name in ("checkpoint", "workflow.toml", "entries.ndjson"):
        for seed in range(20):
            changed = flipped(files[name], Random(seed))  # noqa: S311 - the same bit every time
            assert not report_of(packed({**files, name: changed}), evidence.key).ok, (name, seed)


def test_a_file_too_many_too_few_or_not_a_zip_at_all_is_no_bundle(evidence: Evidence, bundle: bytes) -> None:
    files = files_of(bundle)
    for broken in (
        packed({**files, "more.txt": b"more"}),
        packed({name: raw for name, raw in files.items() if name != "keys.txt"}),
        bundle[:-40],
        b"PK" + bytes(100),
        b"",
    ):
        report = report_of(broken, evidence.key)
        assert not report.ok
        assert report.status("signatures") == "not checked"


def test_a_bundle_signed_by_somebody_else_is_refused(evidence: Evidence, bundle: bytes, tmp_path: Path) -> None:
    files = files_of(bundle)
    said = unpack(bundle).checkpoint
    stranger = Signer(said.origin, make_further_key(tmp_path))
    forged = sign_checkpoint(Checkpoint(said.origin, said.size, said.root), [stranger])
    keys = stranger.verifier.as_text().encode() + b"\n"
    report = report_of(packed({**files, "checkpoint": forged, "keys.txt": keys}), evidence.key)
    assert report.status("signatures") == "failed"
    assert report.status("tree") == "not checked"


def test_a_record_that_does_not_belong_to_the_entries_is_said_to(
    evidence: Evidence, bundle: bytes, tmp_path: Path
) -> None:
    files = files_of(bundle)
    changed = files["record.html"].replace(b"Canary2", b"Canary9")
    (tmp_path / "day.zip").write_bytes(packed({**files, "record.html": changed}))
    done = infusion("verify", tmp_path / "day.zip", "--public-key", evidence.directory / "key.txt")
    assert "do not rely on it" in done.out


def test_consistency_with_the_receivers_own_checkpoint(evidence: Evidence, bundle: bytes, tmp_path: Path) -> None:
    with reading(evidence.settings.database) as connection:
        leaves = [row[3] for row in LogFile(connection).rows()]
    from infusion_service.log.entry import leaf_hash
    from infusion_service.log.merkle import Frontier

    size = len(leaves) // 2
    own = Frontier(map(leaf_hash, leaves[:size])).root()
    signer = Signer(f"{SITE}/log1", read_keys(evidence.directory)[0])
    since = tmp_path / "mine"
    since.write_bytes(sign_checkpoint(Checkpoint(signer.verifier.name, size, own), [signer]))
    with_proof = evidence.export(tmp_path / "day.zip", "--since", since)

    assert verify_bundle(with_proof, keys=[evidence.key], since=since.read_bytes())[0].status("consistency") == "ok"
    without = verify_bundle(bundle, keys=[evidence.key], since=since.read_bytes())[0]
    assert without.status("consistency") == "not checked"
    other = sign_checkpoint(Checkpoint(signer.verifier.name, size, bytes(32)), [signer])
    assert verify_bundle(with_proof, keys=[evidence.key], since=other)[0].status("consistency") == "failed"


def test_what_cannot_be_exported_is_refused_with_the_reason(evidence: Evidence, tmp_path: Path) -> None:
    out = tmp_path / "day.zip"
    no_day = evidence.infusion("export", "--day", "0197c0de-7000-7000-8000-000000000001", "--out", out)
    assert (no_day.code, "there is no day" in no_day.err) == (4, True)
    assert evidence.infusion("export", "--day", "yesterday", "--out", out).code == 2
    out.write_text("mine")
    assert evidence.infusion("export", "--day", evidence.days[1], "--out", out).code == 4
    assert out.read_text() == "mine"
    unsigned = infusion(
        "export", "--day", evidence.days[1], "--out", tmp_path / "b.zip", "--database", evidence.settings.database,
        env={"INFUSION_SITE_NAME": SITE, "INFUSION_STORAGE_CHECKPOINT_DIR": str(tmp_path / "nothing")},
    )  # fmt: skip
    assert (unsigned.code, "prove nothing" in unsigned.err) == (4, True)


class LatePublisher:
    """A service whose checkpoint of the last entries gets outside while somebody exports: at the third look."""

    def __init__(self, evidence: Evidence, directory: Path) -> None:
        shutil.copytree(evidence.settings.checkpoints, directory)
        self.path = directory / SITE / "log1" / "checkpoint"
        self.newest = self.path.read_bytes()
        frontier = Frontier()
        # Of all entries before the second patient's day.
        for row in evidence.rows:
            if row[2] == 1 and frontier.size and str(evidence.days[1]).encode() in row[3]:
                break
            frontier.append(leaf_hash(row[3]))
        self.older = Checkpoint(origin=f"{SITE}/log1", size=frontier.size, root=frontier.root())
        self.path.write_bytes(sign_checkpoint(self.older, [Signer(f"{SITE}/log1", read_keys(evidence.directory)[0])]))
        self.waits = 0

    def wait(self, _seconds: float) -> None:
        """Time passes."""
        self.waits += 1
        if self.waits == 3:
            self.path.write_bytes(self.newest)


def test_an_export_waits_for_the_checkpoint_of_what_was_just_committed(evidence: Evidence, tmp_path: Path) -> None:
    late = LatePublisher(evidence, tmp_path / "checkpoints")
    settings = replace(evidence.settings, checkpoint_dir=tmp_path / "checkpoints")

    bundle = collected(settings, evidence.days[1], None, wait=late.wait)

    assert late.waits == 3
    assert late.older.size < bundle.checkpoint.size == len(evidence.rows)


def test_an_export_does_not_wait_for_ever(evidence: Evidence, tmp_path: Path) -> None:
    LatePublisher(evidence, tmp_path / "checkpoints")
    settings = replace(evidence.settings, checkpoint_dir=tmp_path / "checkpoints")
    waits: list[float] = []

    with pytest.raises(CheckpointBehind, match="try again"):
        collected(settings, evidence.days[1], None, wait=waits.append)

    assert len(waits) == CHECKPOINT_LOOKS_MAX


def test_verify_by_the_command_line(evidence: Evidence, tmp_path: Path) -> None:
    fine = evidence.infusion("verify", "--public-key", evidence.directory / "key.txt")
    assert (fine.code, "Nothing was found" in fine.out) == (0, True)
    newest = CheckpointDirectory(evidence.settings.checkpoints, SITE).newest()
    assert newest is not None
    (tmp_path / "mine").write_bytes(newest.note)
    same = json.loads(evidence.infusion("verify", "--since", tmp_path / "mine", "--json").out)
    assert {step["step"]: step["status"] for step in same["steps"]}["consistency"] == "ok"

    shutil.copytree(evidence.directory, tmp_path / "cut")
    database = tmp_path / "cut" / "infusion.db"
    import pysqlite3.dbapi2 as driver

    connection = driver.connect(str(database), isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    (last,) = connection.execute("SELECT max(entry_key) FROM log").fetchone()
    connection.execute("DELETE FROM payload WHERE entry_key = ?", (last,))
    connection.execute("DELETE FROM log WHERE entry_key = ?", (last,))
    connection.close()
    cut = infusion("verify", "--db", database, "--json")
    assert cut.code == 3
    assert json.loads(cut.out)["first_bad_seq"] == len(evidence.rows)
    assert f"First bad entry: {len(evidence.rows)}." in infusion("verify", "--db", database).out
    assert infusion("verify", "--db", tmp_path / "none.db").code == 4
    assert infusion("verify", "--db", tmp_path / "mine").code == 4
    assert infusion("verify", "--db", database, "--public-key", tmp_path / "mine").code == 2
    assert infusion("verify", tmp_path / "mine", "--db", database).code == 2
