"""Documents of the state as objects: one kind, one pydantic model, one way to read, save and forget.

A kind is declared where its model is (`BUDGETS = Documents("budget", Budget)`). Saving checks the
document and audits it with who did it (`data.state`); a stored document that its model cannot read is
refused by name, never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from data import people
from data.document_kinds import KINDS
from data.errors import BadInput
from data.state import State
from data.yaml_text import validate

Model = TypeVar("Model", bound=BaseModel)
Body = dict[str, Any]


class Documents(Generic[Model]):
    """The documents of one kind.

    `upgrade` turns a stored body of an older shape into the present one. `belongs` says which bodies of
    the kind are of this model, where several models share it. `told` is what the audit trail says of a
    document that is too long for it. `about` names the teams whose figures a document holds, so that somebody held
    to those teams may read it. `quote=False` keeps wrong values out of messages.
    """

    def __init__(
        self,
        kind: str,
        model: type[Model],
        *,
        upgrade: Callable[[str, Body], Body] = lambda name, body: body,
        belongs: Callable[[Body], bool] = lambda body: True,
        told: Callable[[Model], Body] | None = None,
        check: Callable[[str, Model], None] = lambda name, document: None,
        about: Callable[[Model], Iterable[str]] = lambda document: (),
        quote: bool = True,
    ) -> None:
        self.kind, self.model, self.noun = kind, model, KINDS[kind]
        self._upgrade, self._belongs, self._told, self._check, self._quote = upgrade, belongs, told, check, quote
        self._about = about

    def read(self, name: str, body: Model | Mapping[str, Any]) -> Model:
        """A checked document; BadInput names the document, the field and what is legal there."""
        if isinstance(body, self.model):
            document = body
        else:
            document = validate(self.model, body, None, self._called(name), quote=self._quote)
        self._check(name, document)
        return document

    def all(self, state: State) -> dict[str, Model]:
        """Every document by name that who acts may read, names in order; BadInput names one that cannot be read."""
        found = {name: self._stored(name, body) for name, body in state.all(self.kind).items() if self._belongs(body)}
        return {name: document for name, document in found.items() if self._open_to_who_acts(document)}

    def get(self, state: State, name: str) -> Model | None:
        """One document, or None where there is none, or none that who acts may read."""
        body = state.get(self.kind, name)
        document = self._stored(name, body) if body is not None and self._belongs(body) else None
        return document if document is not None and self._open_to_who_acts(document) else None

    def find(self, state: State, name: str) -> Model:
        """One document by name; BadInput names those there are."""
        document = self.get(state, name)
        if document is None:
            known = ", ".join(self.all(state))
            rest = f"those saved are {known}" if known else "none is saved"
            raise BadInput(f"There is no {self.noun} {name!r}; {rest}.")
        return document

    def save(self, state: State, name: str, document: Model | Mapping[str, Any]) -> Model:
        """Check, keep and audit a document; BadInput says what is wrong with it or its name."""
        kept, name = self._sound(name, document), name.strip()
        held = state.get(self.kind, name)
        if held is not None and not self._belongs(held):
            raise BadInput(f"“{name}” is the name of a saved {self.noun} of another kind; choose another name.")
        state.put(self.kind, name, self._body(kept), self._told and self._told(kept))
        return kept

    def amend(
        self, state: State, name: str, document: Model | Mapping[str, Any], seen: tuple[str, Body] | None = None
    ) -> Model:
        """Save a document in place of the one that it was made from, `seen` as its name and stored body; of two who
        change one, the later is told. A new name takes the old one's place; without `seen` the name must be free.
        """
        kept, name = self._sound(name, document), name.strip()
        before: dict[str, Body | None] = {name: None}
        gone = []
        if seen is not None:
            before[seen[0]] = seen[1]
            gone = [seen[0]] if seen[0] != name else []
        details = {name: self._told(kept)} if self._told else {}
        state.change(self.kind, {name: self._body(kept)}, gone, details, before)
        return kept

    def replace(self, state: State, documents: Mapping[str, Model | Mapping[str, Any]]) -> None:
        """Make these the documents of the kind, all or none: every one is checked before the first is written.

        Those that say what is stored already stay as they are, unaudited.
        """
        wanted = {name.strip(): self._sound(name, document) for name, document in documents.items()}
        held = {name: body for name, body in state.all(self.kind).items() if self._belongs(body)}
        changed = {name: one for name, one in wanted.items() if name not in held or not self._says(held[name], one)}
        details = {name: self._told(one) for name, one in changed.items()} if self._told else {}
        bodies = {name: self._body(one) for name, one in changed.items()}
        state.change(self.kind, bodies, held.keys() - wanted.keys(), details)

    def forget(self, state: State, name: str) -> None:
        """Remove a document and audit it; one that is not there is no error."""
        state.delete(self.kind, name)

    def unreadable(self, name: str, error: BadInput) -> BadInput:
        """What is wrong with a stored document, and the ways out."""
        return BadInput(
            f"{error} That is how it is saved; save it anew, or forget it with "
            f"`python -m data forget {self.kind} {name!r}`."
        )

    def _sound(self, name: str, document: Model | Mapping[str, Any]) -> Model:
        """Checked as it will be read again: a copy of a model may hold what no reading would let pass."""
        return self.read(name, self._body(document) if isinstance(document, self.model) else document)

    def _body(self, document: Model) -> Body:
        return document.model_dump(mode="json", by_alias=True, exclude_defaults=True, warnings=False)

    def _open_to_who_acts(self, document: Model) -> bool:
        teams = people.held_teams()
        about = set(self._about(document))
        return not teams or self.kind in people.OF_NO_TEAM or bool(about) and about <= teams

    def _says(self, body: Body, document: Model) -> bool:
        """Whether a stored body, readable or not, is this document."""
        try:
            return self.model.model_validate(body) == document
        except ValidationError:
            return False

    def _stored(self, name: str, body: Body) -> Model:
        try:
            return self.read(name, self._upgrade(name, body))
        except BadInput as error:
            raise self.unreadable(name, error) from error

    def _called(self, name: str) -> str:
        return f"{self.noun[0].upper()}{self.noun[1:]} {name or '(no name)'}"
