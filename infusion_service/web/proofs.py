"""What anyone needs to check the log without believing us: checkpoint, proofs, keys.

None of it tells what was recorded. Formats: C2SP signed notes, RFC 6962 proofs as lists of base64. Does not: sign
(`intake.checkpointing`) or verify (`log.verify`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from aiohttp import web

from infusion_service.intake.checkpointing import KeyRefused, LastKey
from infusion_service.log.proofs import prove_consistency, prove_inclusion, root_at
from infusion_service.web import body, payloads
from infusion_service.web.answers import answer
from infusion_service.web.keys import CALLER, CHECKPOINTS, INTAKE, STORE
from infusion_service.web.problems import Problem, malformed, not_found
from infusion_service.web.queries import Query

NOTE_TYPE = "text/plain"


async def get_checkpoint(request: web.Request) -> web.Response:
    """Return the newest signed checkpoint; 404 where the site has no signing key."""
    Query(request)
    note = request.app[CHECKPOINTS].note
    if note is None:
        raise not_found("Nothing is signed here: the site has no signing key (`infusion init` makes one).")
    return web.Response(body=note, content_type=NOTE_TYPE, charset="utf-8")


async def get_inclusion_proof(request: web.Request) -> web.Response:
    """Prove that entry `seq` is in the log's first `size` entries (all of them, where `size` is not given)."""
    query = Query(request, "seq", "size")
    intake = request.app[INTAKE]
    seq, size = query.whole("seq", least=1), query.whole("size", least=1, most=intake.log_size) or intake.log_size
    if seq is None or seq > size:
        raise _out_of_range("seq", f"a number from 1 to {size} is expected")
    store, site = request.app[STORE], intake.site
    leaf = (await store.read_log(site, after_seq=seq - 1, limit=1))[0].leaf_hash
    proof = await prove_inclusion(store, site, seq, size)
    root = await root_at(store, site, size)
    return answer({"seq": seq, "size": size, "leaf_hash": _text(leaf), "root": _text(root), "proof": _texts(proof)})


async def get_consistency_proof(request: web.Request) -> web.Response:
    """Prove that the log's first `to` entries begin with its first `from` (`to` not given: all there are)."""
    query = Query(request, "from", "to")
    intake = request.app[INTAKE]
    size = query.whole("to", least=0, most=intake.log_size)
    size = intake.log_size if size is None else size
    old_size = query.whole("from", least=0)
    if old_size is None or old_size > size:
        raise _out_of_range("from", f"a number from 0 to {size} is expected")
    proof = await prove_consistency(request.app[STORE], intake.site, old_size, size)
    return answer({"from": old_size, "to": size, "proof": _texts(proof)})


async def get_keys(request: web.Request) -> web.Response:
    """Return the log's origin and every key that signs or has signed for it."""
    Query(request)
    checkpoints = request.app[CHECKPOINTS]
    return answer({"origin": checkpoints.origin, "keys": checkpoints.list_keys()})


async def post_key(request: web.Request) -> web.Response:
    """Add a key that signs beside the present ones."""
    payloads.read_as(await body.json_of(request), payloads.Nothing)
    _check_signing(request)
    return answer(await request.app[CHECKPOINTS].rotate(request[CALLER].actor), status=201)


async def post_key_retirement(request: web.Request) -> web.Response:
    """Let a key sign no more; 409 for the last one."""
    payloads.read_as(await body.json_of(request), payloads.Nothing)
    _check_signing(request)
    try:
        retired = await request.app[CHECKPOINTS].retire(request.match_info["key"], request[CALLER].actor)
    except LastKey as last:
        raise Problem("last_key", f"{last}.") from None
    except KeyRefused:
        raise not_found("No key of this id signs.") from None
    return answer(retired)


def _check_signing(request: web.Request) -> None:
    if request.app[CHECKPOINTS].note is None:
        raise not_found("Nothing is signed here: the site has no signing key (`infusion init` makes one).")


def _out_of_range(name: str, detail: str) -> Problem:
    return malformed(f"Query parameter {name}: {detail}.", [{"pointer": f"?{name}", "detail": detail}])


def _text(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def _texts(values: Sequence[bytes]) -> list[str]:
    return [_text(value) for value in values]
