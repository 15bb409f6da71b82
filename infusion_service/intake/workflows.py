"""The workflow definitions in force on a site: those in its files and those its log has adopted.

Promises: a day keeps the definition it was scheduled under, by content hash, also when the file is gone; new days are
scheduled under files that are present. A released version is never edited: the same version with another hash does not
start. Does not: parse or check definitions (`clinical.workflow`), or decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from infusion_service.clinical.workflow import Workflow, adopted_workflow, load_workflow

WORKFLOW_ADOPTED = "workflow.adopted"
WORKFLOW_FILE_SUFFIX = ".toml"


class WorkflowEdited(Exception):
    """A released workflow version was edited: the file and the log disagree about its content."""

    def __init__(self, *, name: str, version: int, found: str, adopted: str) -> None:
        self.name = name
        self.version = version
        super().__init__(
            f"{name} version {version} was edited after its release: found {found}, adopted {adopted}."
            " Restore the released file and give the change a new version number."
        )


class WorkflowUnknown(Exception):
    """A definition was asked for that no present file holds, or none was named where there are several."""

    def __init__(self, asked: str | None, present: tuple[str, ...]) -> None:
        what = "which workflow is not said" if asked is None else f"{asked} is not a workflow of this site"
        super().__init__(f"{what}; present: {', '.join(present) or 'none'}")


def read_workflow_files(directory: Path) -> list[Workflow]:
    """Load every workflow file of a directory, in order of name.

    Raises `clinical.workflow.WorkflowInvalid` for a file that does not make sense and `OSError` for one that cannot be
    read.
    """
    return [
        load_workflow(path.read_bytes(), file=path.name)
        for path in sorted(directory.iterdir())
        if path.suffix == WORKFLOW_FILE_SUFFIX and path.is_file()
    ]


class Workflows:
    """Definitions by content hash, and which of them new days may use."""

    def __init__(self) -> None:
        self._adopted: dict[str, Mapping[str, Any]] = {}
        self._by_hash: dict[str, Workflow] = {}
        self._present: dict[tuple[str, int], Workflow] = {}
        self._in_order: tuple[Workflow, ...] | None = None
        self.urgent: set[str] = set()
        """Fact types that no queue may hold up (stops and emergencies), of the definitions in use."""
        self.strikes: set[str] = set()
        """Fact types that take others out of the picture, of the definitions in use."""

    def adopted(self, data: Mapping[str, Any]) -> None:
        """Take in a definition from the data of a `workflow.adopted` entry."""
        self._adopted[data["hash"]] = data
        self._in_order = None

    def bring(self, files: Iterable[Workflow]) -> list[dict[str, Any]]:
        """Take in the files present and return the data of the `workflow.adopted` entries the log still lacks.

        Raises `WorkflowEdited` when a version the log or another file knows has other content.
        """
        released = {(data["name"], data["version"]): data["hash"] for data in self._adopted.values()}
        wanted = []
        for workflow in files:
            key = (workflow.name, workflow.version)
            adopted = released.setdefault(key, workflow.hash)
            if adopted != workflow.hash:
                raise WorkflowEdited(name=key[0], version=key[1], found=workflow.hash, adopted=adopted)
            if workflow.hash not in self._adopted:
                wanted.append(_adoption(workflow))
                self._adopted[workflow.hash] = wanted[-1]
            self._present[key] = workflow
            self._load(workflow)
        self._in_order = None
        return wanted

    def by_hash(self, content_hash: str) -> Workflow:
        """Return the definition with this content hash. Raises `KeyError` when neither file nor log holds it."""
        workflow = self._by_hash.get(content_hash)
        if workflow is None:
            # Loaded on first use: a site that keeps ten years of versions must not pay for them at every start.
            data = self._adopted[content_hash]
            workflow = adopted_workflow(data["file"].encode(), file=f"{data['name']}.v{data['version']} in the log")
            self._load(workflow)
        return workflow

    def for_new_day(self, asked: str | None) -> Workflow:
        """Return the definition a new day is scheduled under.

        `name` means its newest version, `name@version` that one, None the newest of the site's only workflow.
        Raises `WorkflowUnknown` when no present file holds it.
        """
        name, _, version = (asked or "").partition("@")
        fitting = {
            key: workflow
            for key, workflow in self._present.items()
            if (asked is None or key[0] == name) and version in ("", str(key[1]))
        }
        if len({known for known, _ in fitting}) != 1:
            raise WorkflowUnknown(asked, tuple(sorted(f"{known}@{number}" for known, number in self._present)))
        return fitting[max(fitting)]

    def scheduling_fact(self, asked: object) -> str:
        """Return what the fact that schedules a day is called in the definition a new day would follow.

        Where there is no such definition, what the first one known calls it: the refusal is kept under that name.
        """
        try:
            workflow = self.for_new_day(asked if isinstance(asked, str) else None)
        except WorkflowUnknown:
            workflow = self.all()[0]
        return workflow.only_of_meaning("scheduling")

    def all(self) -> tuple[Workflow, ...]:
        """Every definition known, present or only in the log, by name and version."""
        if self._in_order is None:
            known = [self.by_hash(content_hash) for content_hash in self._adopted]
            self._in_order = tuple(sorted(known, key=lambda workflow: (workflow.name, workflow.version)))
        return self._in_order

    def _load(self, workflow: Workflow) -> None:
        self._by_hash[workflow.hash] = workflow
        self.urgent.update(fact for fact, kind in workflow.facts.items() if kind.urgent)
        self.strikes.update(workflow.of_meaning("strike"))


def _adoption(workflow: Workflow) -> dict[str, Any]:
    return {
        "file": workflow.raw.decode(),
        "hash": workflow.hash,
        "name": workflow.name,
        "version": workflow.version,
    }
