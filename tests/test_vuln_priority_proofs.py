"""Every label of the lab proven by a request or refuted by the same: a sample here, all with DTI_DEEP=1."""

import json
import os
import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from dti_core.studies.vuln_priority.targets.cases import SERVICES, build_cases, build_views
from dti_core.studies.vuln_priority.targets.lab import build_files, write_lab
from dti_core.studies.vuln_priority.targets.probes import PROBES
from dti_core.studies.vuln_priority.targets.proofs import prove
from dti_core.studies.vuln_priority.targets.render import render
from dti_core.studies.vuln_priority.targets.running import child_command, child_surroundings
from dti_core.studies.vuln_priority.targets.sinks import SINKS

CASES = {case.name: case for case in build_cases()}
SAMPLE = 60


def _chosen():
    """All cases, or one vulnerable and one other case of each sink and some more."""
    if os.environ.get("DTI_DEEP"):
        return list(CASES.values())
    order = np.random.default_rng(14).permutation(list(CASES))
    first = {(CASES[name].sink, CASES[name].vulnerable): name for name in order[::-1]}
    names = [*first.values(), *(name for name in order if name not in first.values())]
    return [CASES[name] for name in names[:SAMPLE]]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    write_lab(folder)
    return folder


@pytest.fixture(scope="module")
def proofs(lab):
    return prove(lab, _chosen())


def test_every_sink_has_its_probe():
    assert set(PROBES) == set(SINKS)
    assert {(case.sink, case.vulnerable) for case in _chosen()} == {
        (s, v) for s in SINKS for v in (True, False)
    }


def test_labels_are_proven_and_refuted_by_the_same_probe(proofs):
    assert {proof.name for proof in proofs} == {case.name for case in _chosen()}
    wrong = [proof for proof in proofs if proof.harmed != CASES[proof.name].vulnerable]
    assert wrong == []
    assert all(proof.tried >= 7 for proof in proofs if not proof.harmed)


def test_every_endpoint_works_for_who_means_no_harm(proofs):
    """A case that answers nobody would be no endpoint; a validator may refuse, nothing may break."""
    broken = [proof for proof in proofs if proof.benign_status not in (200, 302, 400, 404)]
    assert broken == []
    refused = [p for p in proofs if p.benign_status >= 400 and CASES[p.name].vulnerable]
    assert refused == []


def _with_views_changed(folder, cases, change):
    """The lab with the views of some cases written anew; lines of others do not matter to the proofs."""
    files = dict(build_files())
    for view in build_views():
        case = CASES[f"{view.service}-{view.number:03d}"]
        if case in cases:
            assert files[case.file].count(view.code) == 1
            files[case.file] = files[case.file].replace(view.code, change(view))
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)


def _made_risky(view):
    shape = replace(view.shape, sink_form=0, flow_form=0)
    peer = SERVICES[(SERVICES.index(view.service) + 1) % len(SERVICES)]
    noun, field = view.route.split("/")[1], view.field.removeprefix("X-").lower()
    return render(shape, view.service, peer, view.number, noun, field).code


def _made_calm(view):
    """A constant right after the value is read."""
    benign = SINKS[view.shape.sink].benign
    return re.sub(r"( +text = .*\n)", rf'\1    text = "{benign}"\n', view.code, count=1)


def test_calm_cases_whose_code_is_made_risky_are_found_out(tmp_path):
    """The same cases, written from the risky templates: a probe that could not see harm would miss them."""
    cases = [case for case in _chosen() if not case.vulnerable and case.flow != "setting"]
    _with_views_changed(tmp_path, cases, _made_risky)
    assert [proof for proof in prove(tmp_path, cases) if not proof.harmed] == []


def test_vulnerable_cases_whose_value_is_made_constant_are_found_out(tmp_path):
    cases = [case for case in _chosen() if case.vulnerable]
    _with_views_changed(tmp_path, cases, _made_calm)
    assert [proof for proof in prove(tmp_path, cases) if proof.harmed] == []


@pytest.mark.parametrize("role", ["", "user"])
def test_a_proof_needs_the_role_that_the_label_names(role, lab):
    """Cases of the role gate, asked by others than the admin."""
    gated = [case for case in CASES.values() if case.flow == "role_gate" and case.vulnerable]
    lesser = prove(lab, gated, role=role)
    assert {proof.benign_status for proof in lesser} == {403}
    assert not any(proof.harmed for proof in lesser)
    assert all(proof.harmed for proof in prove(lab, gated))


def test_values_that_mean_no_harm_show_none(lab):
    """The same marks, looked for after ordinary words: harm that anyone sees proves nothing."""
    asked = [case for case in _chosen() if not SINKS[case.sink].use]
    assert [proof for proof in prove(lab, asked, ordinary=True) if proof.harmed] == []


_AGAIN = """
import importlib, json, sys
from pathlib import Path
from dti_core.studies.vuln_priority.targets import guard, proofs
from dti_core.studies.vuln_priority.targets.cases import build_cases
guard.guard(Path({scratch!r}), Path({lab!r}))
told = {{}}
for case in build_cases():
    if case.sink == {sink!r} and case.name in json.loads({names!r}):
        client = proofs._client(importlib.import_module(case.service + ".app").app, case.role)
        kept = getattr(sys.modules[case.service + ".parts"], {store!r})
        write = proofs.WRITTEN.get(case.flow, str)
        told[case.name] = [[], []]
        for value, rows in zip(("lamp", "table"), told[case.name]):
            for _ in range(8):
                proofs._send(client, case, write(value))
                rows.append(kept.pop(case.name[-3:], ""))
print(json.dumps(told))
"""


def _kept(lab, scratch, sink, store, vulnerable):
    """Case -> what it keeps of the word lamp, eight times, and of another word; "" where it refuses one."""
    names = [case.name for case in CASES.values() if case.sink == sink and case.vulnerable == vulnerable]
    code = _AGAIN.format(scratch=str(scratch), lab=str(lab), sink=sink, store=store, names=json.dumps(names))
    done = subprocess.run(
        child_command(code), env=child_surroundings(lab, scratch), cwd=scratch,
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert set(told) == set(names)
    return told


def _fixed(rows):
    """Place -> character that all rows have there."""
    return {place: signs[0] for place, signs in enumerate(zip(*rows, strict=False)) if len(set(signs)) == 1}


@pytest.mark.parametrize(("sink", "store"), [("weak_hash", "PASSWORDS"), ("random_token", "TOKENS")])
def test_what_calm_cases_keep_says_nothing_of_the_value(lab, tmp_path, sink, store):
    """The same word again and again leaves new records; what they share, other words share too."""
    told = _kept(lab, tmp_path, sink, store, vulnerable=False)
    taken = {name: rows for name, rows in told.items() if rows[0][0] and rows[1][0]}
    assert len(taken) >= len(told) - 3
    for first, second in taken.values():
        assert len({*first, *second}) == 16
        assert _fixed(first).items() <= _fixed(second).items()
        assert len(_fixed(first)) <= 2
        assert min(map(len, first + second)) - len(_fixed(first)) >= 32
    shared = [_fixed(first) for first, _ in _kept(lab, tmp_path, sink, store, vulnerable=True).values()]
    assert min(map(len, shared)) >= 16


def test_stored_passwords_cost_an_attacker_time():
    """Each calm form makes 16 bytes of new salt and asks scrypt for 2^14 rounds; md5 never sees the value."""
    files = build_files()
    for case in (one for one in CASES.values() if one.sink == "weak_hash" and not one.vulnerable):
        code = "\n".join(files[case.file].splitlines()[case.first_line - 1 : case.last_line])
        inner = files[f"{case.service}/parts.py"].partition("def hashed(text):")[2].partition("\n\n")[0]
        made = inner if "hashed(value)" in code else code
        assert "salt = secrets.token_bytes(16)" in made
        assert "salt=salt, n=2**14, r=8, p=1)" in made
        assert re.findall(r"md5\((.*?\))", code) in ([], ["__name__.encode()"])
