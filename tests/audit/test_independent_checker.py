"""What we sign and prove is accepted by code that shares nothing with us: Go's checksum-database packages.

Debian has them as golang-golang-x-mod-dev; without them, or without Go, these tests are skipped and the run says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infusion_service.log.checkpoints import CheckpointDirectory
from infusion_service.log.entry import leaf_hash
from infusion_service.log.merkle import HASH_BYTES, Frontier, consistency_proof, inclusion_proof, subtrees_of
from infusion_service.log.note import Checkpoint, Signer, sign_checkpoint
from infusion_service.log.signing_keys import read_keys
from tests.audit.played import SITE, play

GO_PATH = Path("/usr/share/gocode")
CHECKER = Path(__file__).parent / "checker" / "main.go"

PAIRS_MAX = 40
PAIRS_MAX_IN_THE_DRILL = 300

SIGNER = Signer("audit.example/infusion/log1", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


@pytest.fixture(scope="session")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checker, compiled."""
    go = shutil.which("go")
    if go is None or not (GO_PATH / "src/golang.org/x/mod/sumdb").is_dir():
        pytest.skip(
            "no Go with golang-golang-x-mod-dev on this machine: no independent checker of checkpoints and proofs"
        )
    folder = tmp_path_factory.mktemp("checker")
    program = folder / "checker"
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_PATH), "GOCACHE": str(folder / "cache")}
    subprocess.run([go, "build", "-o", str(program), str(CHECKER)], check=True, env=environment, capture_output=True)
    return program


def answers(checker: Path, questions: Iterable[dict[str, Any]]) -> list[bool]:
    """What the checker says to each question."""
    text = "\n".join(json.dumps(question) for question in questions) + "\n"
    said = subprocess.run([str(checker)], input=text, check=True, capture_output=True, text=True).stdout
    return [line == "ok" for line in said.splitlines()]


def b64(raw: bytes) -> str:
    """Bytes as Go's JSON reads them."""
    return b64encode(raw).decode()


class Tree:
    """A tree of numbered leaves, with every root it has had."""

    def __init__(self, size: int, leaves: Sequence[bytes] = ()) -> None:
        self.leaves = leaves or [leaf_hash(b"%d" % number) for number in range(size)]
        self.read = subtrees_of(self.leaves)
        frontier = Frontier()
        self.roots = [frontier.root()]
        for leaf in self.leaves:
            frontier.append(leaf)
            self.roots.append(frontier.root())

    def inclusion(self, index: int, size: int) -> dict[str, Any]:
        """The question whether a leaf is in the tree of a size."""
        return {
            "Kind": "inclusion",
            "Size": size,
            "Root": b64(self.roots[size]),
            "Index": index,
            "Leaf": b64(self.leaves[index]),
            "Proof": [b64(step) for step in inclusion_proof(self.read, index, size)],
        }

    def consistency(self, old_size: int, size: int) -> dict[str, Any]:
        """The question whether the tree of one size begins with that of another."""
        return {
            "Kind": "consistency",
            "Size": size,
            "Root": b64(self.roots[size]),
            "OldSize": old_size,
            "OldRoot": b64(self.roots[old_size]),
            "Proof": [b64(step) for step in consistency_proof(self.read, old_size, size)],
        }

    def every_pair(self, size_max: int) -> Iterator[dict[str, Any]]:
        """Every inclusion and consistency question up to a size."""
        for size in range(1, size_max + 1):
            for older in range(1, size + 1):
                yield self.inclusion(older - 1, size)
                yield self.consistency(older, size)


def test_proofs_for_every_pair_of_sizes_are_accepted(checker: Path) -> None:
    assert all(answers(checker, Tree(PAIRS_MAX).every_pair(PAIRS_MAX)))


@pytest.mark.drill
def test_proofs_for_every_pair_of_many_sizes_are_accepted(checker: Path) -> None:
    said = answers(checker, Tree(PAIRS_MAX_IN_THE_DRILL).every_pair(PAIRS_MAX_IN_THE_DRILL))
    assert len(said) == PAIRS_MAX_IN_THE_DRILL * (PAIRS_MAX_IN_THE_DRILL + 1)
    assert all(said)


def test_a_proof_of_something_else_is_refused_by_it_as_well(checker: Path) -> None:
    tree = Tree(13)
    wrong = []
    for question in tree.every_pair(13):
        for place in range(len(question["Proof"])):
            proof = list(question["Proof"])
            proof[place] = b64(leaf_hash(b"no leaf of it"))
            wrong.append({**question, "Proof": proof})
    assert not any(answers(checker, wrong))


def test_a_checkpoint_is_accepted_and_no_changed_byte_of_it(checker: Path) -> None:
    tree = Tree(21)
    checkpoint = Checkpoint(SIGNER.verifier.name, 21, tree.roots[21])
    note = sign_checkpoint(checkpoint, [SIGNER])
    question = {
        "Kind": "checkpoint",
        "Key": SIGNER.verifier.as_text(),
        "Origin": checkpoint.origin,
        "Size": checkpoint.size,
        "Root": b64(checkpoint.root),
    }
    changed = [note[:place] + bytes([note[place] ^ 1]) + note[place + 1 :] for place in range(len(note))]
    said = answers(checker, [{**question, "Note": b64(raw)} for raw in (note, *changed)])
    assert said == [True, *[False] * len(changed)]


def test_what_a_service_has_signed_is_accepted(checker: Path, tmp_path: Path) -> None:
    settings = play(tmp_path, "s08")
    outside = CheckpointDirectory(settings.checkpoints, SITE)
    newest = outside.newest()
    assert newest is not None
    hashes = outside.leaf_hashes_file(newest.origin).read_bytes()
    leaves = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    tree = Tree(0, leaves)
    signer = Signer(newest.origin, read_keys(tmp_path)[0])
    checkpoint = {
        "Kind": "checkpoint",
        "Key": signer.verifier.as_text(),
        "Origin": newest.origin,
        "Size": len(leaves),
        "Root": b64(tree.roots[-1]),
        "Note": b64(newest.note),
    }
    assert all(answers(checker, [checkpoint, *(tree.inclusion(index, len(leaves)) for index in range(len(leaves)))]))
