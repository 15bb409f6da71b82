"""Signed notes and checkpoints, held to a vector that other tools accept; no changed byte passes."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from infusion_service.log.merkle import Frontier
from infusion_service.log.note import (
    Checkpoint,
    NoteRejected,
    Signer,
    Verifier,
    parse_note,
    sign_checkpoint,
    sign_note,
    verify_checkpoint,
    verify_note,
)
from tests.log.given import unhurried

ORIGIN = "audit.example/infusion/log1"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VKEY = "audit.example/infusion/log1+e49aa745+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
LEAF_HASHES = [
    "dea0ea34ae705d972bda5f201d4a4c7e5d13aa5b0335d929860cfb40960940db",
    "a82bdfc7deb21311ac245e19a43e25416397f4ba3dd490b22aea15ffc2accfaa",
    "4b1ea1cc5ec71b3805c660da38797c4a40fa5ffafa5dbb2e7862bdbe0ca75771",
]
NOTE = (
    "audit.example/infusion/log1\n"
    "3\n"
    "GUSThAJcREQmaBSO0AAs3xN9ujOum56MBdLEfYAVv/k=\n"
    "\n"
    "\u2014 audit.example/infusion/log1 "
    "5JqnRagJpKmP9rkiqrhbm6HkBfHzE1tN5n7uNbkYHngjr9dOZJ2GSr5Zhbsuc29WsHRX0JGBBrfEgXRlZ66ENox/6AI=\n"
).encode()
SIGNER = Signer(ORIGIN, KEY)
VERIFIER = Verifier.from_text(VKEY)
CHECKPOINT = Checkpoint(ORIGIN, 3, Frontier(bytes.fromhex(leaf) for leaf in LEAF_HASHES).root())
OTHER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
STRANGER = Signer("witness.example", Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))


def test_the_golden_vector_comes_out_byte_for_byte() -> None:
    assert SIGNER.verifier.as_text() == VKEY
    assert sign_checkpoint(CHECKPOINT, [SIGNER]) == NOTE


def test_the_golden_vector_reads_back() -> None:
    assert verify_checkpoint(NOTE, [VERIFIER]) == CHECKPOINT
    assert SIGNER.verifier == VERIFIER


def passes(raw: bytes) -> bool:
    """Whether a note is accepted as a checkpoint of our log."""
    try:
        verify_checkpoint(raw, [VERIFIER])
    except NoteRejected:
        return False
    return True


def test_no_note_with_one_byte_changed_passes() -> None:
    # Every byte for every other value; the signature line's name and mark included.
    passed = [
        (at, other)
        for at in range(len(NOTE))
        for other in range(256)
        if other != NOTE[at] and passes(NOTE[:at] + bytes([other]) + NOTE[at + 1 :])
    ]
    assert passed == []


def test_no_note_with_one_byte_more_or_less_passes() -> None:
    assert not [at for at in range(len(NOTE)) if passes(NOTE[:at] + NOTE[at + 1 :])]
    assert not [
        (at, more)
        for at in range(len(NOTE) + 1)
        for more in range(256)
        if passes(NOTE[:at] + bytes([more]) + NOTE[at:])
    ]


def test_no_note_cut_short_or_doubled_passes() -> None:
    assert not [at for at in range(len(NOTE)) if passes(NOTE[:at])]
    assert not passes(NOTE + NOTE)


@pytest.mark.parametrize(
    "raw",
    [
        NOTE.replace(b"\n3\n", b"\n03\n"),
        NOTE.replace(b"\n3\n", b"\n+3\n"),
        NOTE.replace(b"\n3\n", "\n\u0663\n".encode()),  # an Arabic three
        NOTE.replace(b"\n3\n", b"\n3 \n"),
        NOTE.replace(b"\n", b"\r\n"),
        NOTE.replace(b"\n\n", b"\n\x0b\n"),
        NOTE.replace(b"\n\n", b"\n\n\n"),
        NOTE.replace(b"AVv/k=\n", b"AVv/k=\nextension\n"),
        NOTE.replace(b"\xe2\x80\x94", b"-"),
        NOTE.replace(b"\xe2\x80\x94 ", b"\xe2\x80\x94  "),
        NOTE.replace(b"AVv/k=", b"AVv/l="),  # the same 32 bytes, other bits at the end
        NOTE.replace(b"AVv/k=", b"AVv/k"),
        NOTE.rstrip(b"\n"),
        b"\xef\xbb\xbf" + NOTE,
        b"\xff" + NOTE,
        b"",
        b"\n",
        b"\n\n\n",
        b"text\n\n",
        NOTE + b" " * 1_000_000,
    ],
)
def test_another_form_is_refused(raw: bytes) -> None:
    assert not passes(raw)


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    raw = sign_note(CHECKPOINT.as_text(), [STRANGER, SIGNER, OTHER])
    text, signed = verify_note(raw, [VERIFIER])
    assert (text, signed) == (CHECKPOINT.as_text(), [VERIFIER])
    assert len(parse_note(raw).signatures) == 3
    assert verify_note(raw, [VERIFIER, STRANGER.verifier])[1] == [STRANGER.verifier, VERIFIER]


def test_a_known_key_that_fails_spoils_the_note() -> None:
    forged = sign_note(CHECKPOINT.as_text(), [SIGNER, STRANGER])
    forged = forged.replace(b"\n3\n", b"\n4\n")
    with pytest.raises(NoteRejected, match="not by its key"):
        verify_note(forged, [STRANGER.verifier])


def test_a_note_no_known_key_has_signed_is_refused() -> None:
    with pytest.raises(NoteRejected, match="no known key"):
        verify_note(NOTE, [STRANGER.verifier, OTHER.verifier])


def test_a_key_of_another_log_does_not_vouch_for_this_one() -> None:
    raw = sign_note(CHECKPOINT.as_text(), [STRANGER])
    with pytest.raises(NoteRejected, match="no known key of the log"):
        verify_checkpoint(raw, [STRANGER.verifier])
    with pytest.raises(NoteRejected, match="does not sign for"):
        sign_checkpoint(CHECKPOINT, [STRANGER])


def test_two_keys_of_a_log_sign_side_by_side_during_a_rotation() -> None:
    raw = sign_checkpoint(CHECKPOINT, [SIGNER, OTHER])
    assert verify_checkpoint(raw, [SIGNER.verifier]) == verify_checkpoint(raw, [OTHER.verifier]) == CHECKPOINT


def test_many_signatures_are_accepted_and_endless_ones_are_not() -> None:
    text, _, signature = NOTE.rpartition(b"\n\n")
    assert passes(text + b"\n\n" + signature * 16)
    assert not passes(text + b"\n\n" + signature * 101)


def test_a_text_with_empty_lines_is_split_at_the_last_one() -> None:
    raw = sign_note("one\n\ntwo\n", [SIGNER])
    assert verify_note(raw, [VERIFIER]) == ("one\n\ntwo\n", [VERIFIER])


@pytest.mark.parametrize("text", ["", "\n", "no newline", "tab\there\n", "bell\x07\n", "vertical\x0btab\n"])
def test_a_text_no_note_can_have_is_not_signed(text: str) -> None:
    with pytest.raises(NoteRejected):
        sign_note(text, [SIGNER])


def test_a_note_nobody_signs_is_no_note() -> None:
    with pytest.raises(NoteRejected, match="at least one signature"):
        sign_note("text\n", [])


@pytest.mark.parametrize("name", ["", "two words", "a+b", "tab\tbed", "line\nline", "narrow\u2009space"])
def test_a_name_that_cannot_stand_in_a_line_is_refused(name: str) -> None:
    with pytest.raises(NoteRejected, match="not a key's name"):
        Signer(name, KEY)
    with pytest.raises(NoteRejected, match="not a key's name"):
        Checkpoint(name, 0, bytes(32)).as_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        VKEY.replace("+", "-"),
        VKEY.replace("e49aa745", "e49aa746"),
        VKEY.replace("e49aa745", "E49AA745"),
        VKEY.replace("log1", "log2"),
        VKEY.replace("+AQ", "+BA"),  # another kind of key
        VKEY + "=",
        VKEY[:-4],
        VKEY[:-1] + "5",
        VKEY + "\n",
    ],
)
def test_a_public_key_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(NoteRejected):
        Verifier.from_text(text)


@unhurried
@given(size=st.integers(0, 2**63), root=st.binary(min_size=32, max_size=32))
def test_any_checkpoint_reads_back(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(ORIGIN, size, root)
    assert verify_checkpoint(sign_checkpoint(checkpoint, [SIGNER]), [VERIFIER]) == checkpoint


@unhurried
@given(st.binary(max_size=300))
def test_nothing_but_a_refusal_comes_of_bytes_that_are_no_note(raw: bytes) -> None:
    with pytest.raises(NoteRejected):
        verify_checkpoint(raw, [VERIFIER])
