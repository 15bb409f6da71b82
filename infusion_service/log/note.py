"""C2SP signed notes and checkpoints: what the log publishes about itself, for tools we did not write to check.

A note is UTF-8 text ending with a newline, an empty line, then signature lines: an em dash, a space, the key's name, a
space, base64 of (4 bytes of key id || signature). The signature covers the text with its last newline. A checkpoint is
a note whose text is origin, tree size and base64 root hash, a line each. See c2sp.org/signed-note and
c2sp.org/tlog-checkpoint.

The parsers are strict where a naive one lets a changed byte pass: lines end with a newline and nothing else, no
control bytes, base64 and decimal in their one form. Does not: keep keys or decide which are to be trusted.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from infusion_service.log.merkle import HASH_BYTES

SIGNATURES_MAX = 100  # the format asks for at least 16
NOTE_BYTES_MAX = 1_000_000

_ED25519 = b"\x01"  # the format's number for this kind of key
_KEY_ID_BYTES = 4
_KEY_BYTES = 32
_SIGNATURE_MARK = "\u2014 "
_CONTROL = frozenset(map(chr, range(0x20))) - {"\n"}


class NoteRejected(ValueError):
    """Not a signed note, or not signed as it should be."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with the name it signs under: what has to be pinned to trust a log."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name || newline || kind || public key)."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:_KEY_ID_BYTES]

    def as_text(self) -> str:
        """The key in one line (`vkey`): name, hex id and base64 key, joined by plus signs."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(_ED25519 + self.public_key)}"

    @classmethod
    def from_text(cls, text: str) -> Verifier:
        """Read a key back. Raises `NoteRejected` for another kind of key or an id that is not the key's."""
        name, plus, rest = text.partition("+")
        key_id, plus_again, key = rest.partition("+")
        raw = _from_base64(key)
        if not plus or not plus_again or raw[:1] != _ED25519 or len(raw) != 1 + _KEY_BYTES:
            raise NoteRejected("not an Ed25519 key in one line: name+id+key")
        _check_name(name)
        verifier = cls(name, raw[1:])
        if verifier.key_id.hex() != key_id:
            raise NoteRejected(f"the id {key_id} does not belong to that key and name")
        return verifier

    def accepts(self, text: str, signature: bytes) -> bool:
        """Whether this key signed this text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


class Signer:
    """A private key with the name it signs under."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        _check_name(name)
        self.verifier = Verifier(name, private_key.public_key().public_bytes_raw())
        self._private_key = private_key

    def sign(self, text: str) -> bytes:
        """Key id and signature, as a signature line carries them."""
        return self.verifier.key_id + self._private_key.sign(text.encode())


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose it says it is, and the signature, not verified."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note taken apart, its signatures not verified."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: its origin (the log's name for ever), how many entries, and their root."""

    origin: str
    size: int
    root: bytes

    def as_text(self) -> str:
        """Origin, size and root, a line each. Raises `NoteRejected` for an origin that cannot stand in a line."""
        _check_name(self.origin)
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """Read a checkpoint's text. Raises `NoteRejected` for anything `as_text` would not write, extensions too."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] != "":  # noqa: PLR2004 - three lines, each ended
            raise NoteRejected("a checkpoint is three lines: origin, size, root")
        origin, size, root = lines[:3]
        if not (size.isascii() and size.isdecimal()) or (size != "0" and size.startswith("0")):
            raise NoteRejected(f"{size!r} is not a tree size")
        checkpoint = cls(origin, int(size), _from_base64(root))
        if len(checkpoint.root) != HASH_BYTES:
            raise NoteRejected("a root hash is 32 bytes")
        _check_name(origin)
        return checkpoint


def sign_note(text: str, signers: Iterable[Signer]) -> bytes:
    """The note with a signature of each signer. Raises `NoteRejected` for a text no note can have."""
    _check_text(text)
    lines = [f"{_SIGNATURE_MARK}{signer.verifier.name} {_base64(signer.sign(text))}\n" for signer in signers]
    if not lines:
        raise NoteRejected("a note has at least one signature")
    return (text + "\n" + "".join(lines)).encode()


def parse_note(raw: bytes) -> Note:
    """Take a note apart without verifying anything. Raises `NoteRejected` for the slightest fault of form."""
    if len(raw) > NOTE_BYTES_MAX:
        raise NoteRejected("the note is too long")
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise NoteRejected("a note is UTF-8 text") from exc
    _check_text(whole)
    body, empty_line, tail = whole.rpartition("\n\n")
    if not empty_line:
        raise NoteRejected("no empty line before the signatures")
    lines = tail.split("\n")[:-1]
    if not 1 <= len(lines) <= SIGNATURES_MAX:
        raise NoteRejected(f"a note has 1 to {SIGNATURES_MAX} signatures, not {len(lines)}")
    text = body + "\n"
    _check_text(text)
    return Note(text, tuple(_signature(line) for line in lines))


def verify_note(raw: bytes, verifiers: Sequence[Verifier]) -> tuple[str, list[Verifier]]:
    """The text of a note and the keys, of those given, that signed it.

    Signatures of unknown keys are passed over. Raises `NoteRejected` when no known key signed, or when one that is
    known did not sign what it is said to have signed.
    """
    note = parse_note(raw)
    signed: list[Verifier] = []
    for signature in note.signatures:
        for verifier in verifiers:
            if (verifier.name, verifier.key_id) != (signature.name, signature.key_id):
                continue
            if not verifier.accepts(note.text, signature.signature):
                raise NoteRejected(f"the signature of {verifier.name} is not by its key")
            if verifier not in signed:
                signed.append(verifier)
    if not signed:
        raise NoteRejected("no known key has signed the note")
    return note.text, signed


def sign_checkpoint(checkpoint: Checkpoint, signers: Iterable[Signer]) -> bytes:
    """The signed checkpoint. Each signer's name is the origin, so that one log cannot pass for another."""
    signers = list(signers)
    for signer in signers:
        if signer.verifier.name != checkpoint.origin:
            raise NoteRejected(f"the key {signer.verifier.name} does not sign for the log {checkpoint.origin}")
    return sign_note(checkpoint.as_text(), signers)


def verify_checkpoint(raw: bytes, verifiers: Sequence[Verifier]) -> Checkpoint:
    """The checkpoint in a note that a known key of the same log has signed. Raises `NoteRejected`."""
    text, signed = verify_note(raw, verifiers)
    checkpoint = Checkpoint.from_text(text)
    if not any(verifier.name == checkpoint.origin for verifier in signed):
        raise NoteRejected(f"no known key of the log {checkpoint.origin} has signed its checkpoint")
    return checkpoint


def _signature(line: str) -> Signature:
    if not line.startswith(_SIGNATURE_MARK):
        raise NoteRejected("a signature line begins with an em dash and a space")
    name, space, encoded = line.removeprefix(_SIGNATURE_MARK).partition(" ")
    _check_name(name)
    raw = _from_base64(encoded)
    if not space or len(raw) <= _KEY_ID_BYTES:
        raise NoteRejected("a signature line is: name, key id and signature")
    return Signature(name, raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:])


def _check_text(text: str) -> None:
    if not text.endswith("\n") or text == "\n":
        raise NoteRejected("a note is text, and its last line is ended")
    if not _CONTROL.isdisjoint(text):
        raise NoteRejected("no control bytes but newlines in a note")


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() for character in name) or not _CONTROL.isdisjoint(name):
        raise NoteRejected(f"not a key's name: {name!r} (neither empty, nor with spaces or plus signs)")


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")


def _from_base64(text: str) -> bytes:
    try:
        raw = b64decode(text.encode("ascii"), validate=True)
    except ValueError as exc:
        raise NoteRejected("not base64") from exc
    if _base64(raw) != text:  # the last character can have bits that decode to nothing
        raise NoteRejected("base64 in another form than its one")
    return raw
