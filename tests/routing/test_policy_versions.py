"""Versions of a policy: every saving is one, any two are compared, the one before is taken back."""

from __future__ import annotations

import json

import pytest

from data.errors import BadInput
from routing.__main__ import main
from routing.policies.saved_policies import POLICIES
from routing.policies.text import read_policy
from routing.policies.versions import difference, restore, version, versions

ONE, TWO = "name: p\nfallback: [a]", "name: p\nrules: [{when: {team: [x]}, use: b}]\nfallback: [a]"


def test_every_saving_is_a_version_and_the_one_before_comes_back(state, capsys):
    for text in (ONE, TWO, TWO):
        POLICIES.save(state, "p", read_policy(text))
    POLICIES.save(state, "q", read_policy("name: q\nfallback: [a]"))
    known = versions(state, "p")
    assert [one.number for one in known] == [1, 2] and all(one.by and one.at for one in known)  # the same again is none
    changed = difference(*known)
    assert "+  use: b" in changed and "-" not in "".join(line[0] for line in changed.splitlines()[3:])
    assert restore(state, "p", 1) == read_policy(ONE) == POLICIES.get(state, "p")
    assert difference(version(state, "p", 1), version(state, "p", 3)) == ""
    with pytest.raises(BadInput, match="versions 1 to 3; there is no version 9"):
        restore(state, "p", 9)
    with pytest.raises(BadInput, match="no saved version"):
        version(state, "orchestrator", 1)
    assert main(["policy", "versions", "p", "--compare", "1", "2", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert len(said["versions"]) == 3 and "use: b" in said["difference"]
    assert main(["policy", "restore", "p"]) == 1 and "--to" in capsys.readouterr().err
    assert main(["policy", "restore", "p", "--to", "2"]) == 0 and "4" in capsys.readouterr().out
    assert main(["policy", "versions", "simple router"]) == 0 and "never saved" in capsys.readouterr().out


def test_a_version_of_another_language_is_refused_not_saved(state):
    POLICIES.save(state, "p", read_policy(ONE))
    state.append_audit("policy saved", {"name": "p", "yaml": "rules: 1987"})
    with pytest.raises(BadInput, match="version 2 of p"):
        restore(state, "p", 2)
    assert POLICIES.get(state, "p") == read_policy(ONE)
