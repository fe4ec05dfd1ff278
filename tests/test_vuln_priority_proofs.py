"""Every label of the lab proven by a request or refuted by the same: a sample here, all with DTI_DEEP=1."""

import os
import re
from dataclasses import replace

import numpy as np
import pytest

from dti_core.studies.vuln_priority.targets.cases import SERVICES, build_cases, build_views
from dti_core.studies.vuln_priority.targets.lab import build_files, write_lab
from dti_core.studies.vuln_priority.targets.probes import PROBES
from dti_core.studies.vuln_priority.targets.proofs import prove
from dti_core.studies.vuln_priority.targets.render import render
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
