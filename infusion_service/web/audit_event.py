"""An entry of the log as a FHIR R4 AuditEvent, in the shapes of IHE's Basic Audit Log Patterns (BALP).

One event for each entry, whatever its kind: recording is a create, an auditor's or broken-glass reading a read (then
client and server change roles, for the data flow the other way), a refusal a create that failed. Each carries `seq` and
leaf hash, so that it can be held against the log. Source: IHE BALP 1.1 (R4). Does not: read the log.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from infusion_service.clinical.vocabulary import SITE_STREAM, Actor, Entry, format_time
from infusion_service.log.entry import LogEntry

PROFILE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
EVENT_TYPES = "http://terminology.hl7.org/CodeSystem/audit-event-type"
INTERACTIONS = "http://hl7.org/fhir/restful-interaction"
AUTHOR = ("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "AUT", "author")
VERIFIER = ("http://terminology.hl7.org/CodeSystem/contractsignertypecodes", "VERF", "Verifier")
"""What a person was to an entry, in codes of R4's participation-role-type."""
ENTITY_TYPES = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
REASONS = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
IDENTIFIERS = "urn:infusion"

SOURCE_ROLE = ("110153", "Source Role ID")
DESTINATION_ROLE = ("110152", "Destination Role ID")
EMERGENCY_OVERRIDE = ("110127", "Emergency Override Started")
SECURITY_ALERT = ("110113", "Security Alert")

READ_TYPES = frozenset({"day.read", "log.read"})
GLASS_BROKEN = "glass.broken"

MACHINE_NAME = "1"
SUCCESS, MINOR_FAILURE = "0", "4"


def audit_event(logged: LogEntry, *, patient_id: str | None) -> dict[str, Any]:
    """The AuditEvent of one entry; `patient_id` is the pseudonym of the patient of its day, None for none.

    An erased entry still gives one: that something was recorded, when and where, but not by whom or what.
    """
    leaf, entry = logged.parsed_leaf, logged.entry
    reads = entry is not None and entry.type in READ_TYPES
    failed = entry is not None and (entry.kind == "refused" or entry.type.endswith(".refused"))
    client_role, server_role = (DESTINATION_ROLE, SOURCE_ROLE) if reads else (SOURCE_ROLE, DESTINATION_ROLE)
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": f"{leaf.site}-{logged.seq}",
        **_kind(entry, reads=reads, failed=failed, has_patient=patient_id is not None),
        "recorded": format_time(leaf.received_at),
        "outcome": MINOR_FAILURE if failed else SUCCESS,
        "agent": [
            _machine(client_role, _client(entry), of_whom="client"),
            _machine(server_role, leaf.site, of_whom="server"),
            *([] if entry is None else _people(entry)),
        ],
        "source": {
            "site": leaf.site,
            "observer": {"identifier": {"system": IDENTIFIERS, "value": leaf.site}, "display": "infusion_service"},
        },
        "entity": [_data(logged, entry), *([] if patient_id is None else [_patient(patient_id)])],
    }
    if failed and entry is not None:
        event["outcomeDesc"] = str(entry.data.get("code") or entry.data.get("reason") or "refused")
    return event


def _kind(entry: Entry | None, *, reads: bool, failed: bool, has_patient: bool) -> dict[str, Any]:
    """Type, subtype, action and, for what went well, the profile that it claims."""
    if entry is not None and entry.type == GLASS_BROKEN:
        return {
            "type": _coding(DICOM, *SECURITY_ALERT),
            "subtype": [_coding(DICOM, *EMERGENCY_OVERRIDE)],
            "action": "E",
            "purposeOfEvent": [{"coding": [_coding(REASONS, "ETREAT", "Emergency Treatment")]}],
        }
    interaction, action, pattern = ("read", "R", "Read") if reads else ("create", "C", "Create")
    kind: dict[str, Any] = {
        "type": _coding(EVENT_TYPES, "rest", "RESTful Operation"),
        "subtype": [_coding(INTERACTIONS, interaction, interaction)],
        "action": action,
    }
    if not failed:
        kind = {"meta": {"profile": [PROFILE + ("Patient" if has_patient else "") + pattern]}, **kind}
    return kind


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def _client(entry: Entry | None) -> str:
    """The device a fact came through, else who or what asked."""
    if entry is None:
        return "unknown"
    return entry.device.id if entry.device is not None else entry.actor.id


def _machine(role: tuple[str, str], name: str, *, of_whom: str) -> dict[str, Any]:
    return {
        "type": {"coding": [_coding(DICOM, *role)]},
        "who": {"identifier": {"system": f"{IDENTIFIERS}:{of_whom}", "value": name}},
        "requestor": False,
        "network": {"address": name, "type": MACHINE_NAME},
    }


def _people(entry: Entry) -> list[dict[str, Any]]:
    people = [] if entry.actor.role in ("service", "device") else [_person(entry.actor, AUTHOR, asks=True)]
    if entry.second is not None:
        people.append(_person(entry.second, VERIFIER, asks=False))
    return people


def _person(actor: Actor, role: tuple[str, str, str], *, asks: bool) -> dict[str, Any]:
    return {
        "type": {"coding": [_coding(*role)]},
        "role": [{"text": actor.role}],
        "who": {"identifier": {"system": f"{IDENTIFIERS}:staff", "value": actor.id}},
        "requestor": asks,
    }


def _data(logged: LogEntry, entry: Entry | None) -> dict[str, Any]:
    leaf = logged.parsed_leaf
    told = {"seq": str(logged.seq), "leaf-hash": b64encode(logged.leaf_hash).decode(), "n": str(leaf.n)}
    if entry is not None:
        told |= {"entry": entry.entry_id, "kind": entry.kind, "type": entry.type}
        told |= {"occurred-at": format_time(entry.occurred_at)}
        if entry.corrects is not None:
            told["corrects"] = entry.corrects
    kind = "site" if leaf.stream == SITE_STREAM else "day"
    return {
        "what": {"identifier": {"system": f"{IDENTIFIERS}:{kind}", "value": leaf.stream}},
        "type": _coding(ENTITY_TYPES, "2", "System Object"),
        "role": _coding(OBJECT_ROLES, "4", "Domain Resource"),
        "detail": [{"type": name, "valueString": value} for name, value in told.items()],
    }


def _patient(patient_id: str) -> dict[str, Any]:
    return {
        "what": {"type": "Patient", "identifier": {"system": f"{IDENTIFIERS}:patient", "value": patient_id}},
        "type": _coding(ENTITY_TYPES, "1", "Person"),
        "role": _coding(OBJECT_ROLES, "1", "Patient"),
    }
