"""The user's own scans: each shape of file against what was written into it, hostile files, deduplication."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from dti_core.cli import data as data_command
from dti_core.lab.data import forget_reads, frozen_table, reads
from dti_core.lab.errors import DataError
from dti_core.lab.paths import project_root
from dti_core.lab.running.inputs import own_hashes
from dti_core.studies.vuln_priority.data.check import check
from dti_core.studies.vuln_priority.data.epss import of_a_year
from dti_core.studies.vuln_priority.data.findings import Finding, table_of
from dti_core.studies.vuln_priority.data.readers import bounds, read_scan
from dti_core.studies.vuln_priority.data.readers.tools import cwe_of, known_tool
from dti_core.studies.vuln_priority.data.same import FAMILIES, LINES, family_of, group
from dti_core.studies.vuln_priority.data.services import (
    UNREACHED,
    Hours,
    assumed_services,
    problems_of,
    services_of,
)
from dti_core.studies.vuln_priority.data.yours import read
from dti_core.studies.vuln_priority.worlds.assumptions import Assumptions

EXAMPLE = project_root() / "experiments" / "data" / "vuln_priority" / "example"


def scan_of(content, name: str = "scan.json"):
    return read_scan(json.dumps(content).encode(), name)


def log(*runs, **more):
    return {"version": "2.1.0", "runs": list(runs), **more}


def run(name: str, results, rules=(), **more):
    return {"tool": {"driver": {"name": name, "rules": list(rules)}}, "results": results, **more}


def at(uri: str, line: int | None = None, **artifact):
    region = {"region": {"startLine": line}} if line else {}
    return [{"physicalLocation": {"artifactLocation": {"uri": uri, **artifact}, **region}}]


def folder_of(place: Path, **files) -> Path:
    for name, content in files.items():
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        (place / name.replace("__", ".")).write_bytes(text)
    return place


def blocking(path) -> list[str]:
    return [problem.text for problem in check(read(path)[0]) if problem.blocks]


# SARIF -----------------------------------------------------------------------------------------------


def test_rules_of_extensions_taxa_code_flows_and_bases_that_build_on_each_other():
    """The shape of CodeQL: rules lie in packs, the place of one result is told by its flow alone."""
    pack = {
        "name": "py/queries",
        "rules": [
            {"id": "py/a"},
            {
                "id": "py/sql",
                "defaultConfiguration": {"level": "error"},
                "properties": {"tags": ["security", "external/cwe/cwe-089"], "security-severity": "8.8"},
            },
        ],
    }
    by_index = {
        "rule": {"index": 1, "toolComponent": {"index": 0}},
        "message": {"text": "one"},
        "locations": at("api/orders.py", 12, uriBaseId="SRC"),
    }
    by_name = {"rule": {"id": "py/sql", "toolComponent": {"name": "py/queries"}}, "message": {"text": "two"}}
    steps = [
        {"location": one} for one in at("file:///work/x/api/in.py", 3) + at("file:///work/x/api/out.py", 9)
    ]
    flow = {
        "ruleId": "py/a",
        "message": {"text": "three"},
        "codeFlows": [{"threadFlows": [{"locations": steps}]}],
        "taxa": [{"index": 1, "toolComponent": {"index": 0}}],
    }
    found = scan_of(
        log(
            {
                "tool": {"driver": {"name": "CodeQL"}, "extensions": [pack]},
                "results": [by_index, by_name, flow],
                "taxonomies": [{"name": "CWE", "taxa": [{"id": "79"}, {"id": "502"}]}],
                "originalUriBaseIds": {
                    "ROOT": {"uri": "file:///work/x/"},
                    "SRC": {"uri": "src/", "uriBaseId": "ROOT"},
                },
            }
        )
    ).findings
    assert [one.rule for one in found] == ["py/sql", "py/sql", "py/a"]
    assert [one.cwe for one in found] == [89, 89, 502]
    assert [one.level for one in found] == ["error", "error", "warning"]
    assert [one.severity for one in found] == [8.8, 8.8, None]
    assert [(one.file, one.line) for one in found] == [
        ("src/api/orders.py", 12),
        ("", None),
        ("api/out.py", 9),
    ]
    assert {(one.tool, one.kind) for one in found} == {("codeql", "sast")}


def test_several_runs_suppressions_baselines_levels_and_messages_with_arguments():
    rules = [
        {
            "id": "R1",
            "defaultConfiguration": {"level": "note"},
            "relationships": [{"target": {"id": "22", "toolComponent": {"name": "CWE"}}}],
            "messageStrings": {"said": {"text": "{0} joins {1}"}},
        }
    ]
    results = [
        {"ruleId": "R1/sub", "message": {"id": "said", "arguments": ["a", "b"]}},
        {
            "ruleId": "R1",
            "ruleIndex": 0,
            "level": "error",
            "message": {"text": "x"},
            "suppressions": [{"kind": "external"}],
        },
        {
            "ruleId": "R1",
            "message": {"text": "y"},
            "suppressions": [{"status": "underReview"}, {"status": "accepted"}],
        },
        {"ruleId": "R1", "message": {"text": "gone"}, "baselineState": "absent"},
        {"ruleId": "R1", "message": {"text": "fine"}, "kind": "pass"},
        {"ruleId": "R9", "message": {"text": "no such rule"}, "baselineState": "unchanged"},
    ]
    scan = scan_of(
        log(run("Bandit", results, rules), run("Semgrep PRO", [{"ruleId": "CWE-611", "message": {}}]))
    )
    found = scan.findings
    assert [one.message for one in found] == ["a joins b", "x", "y", "no such rule", ""]
    assert [one.level for one in found] == ["note", "error", "note", "warning", "warning"]
    assert [one.suppressed for one in found] == [False, True, False, False, False]
    assert [one.cwe for one in found] == [22, 22, 22, None, 611]
    assert scan.tools == ("bandit", "semgrep")
    assert "2 results that passed or are gone" in " ".join(scan.notes)
    assert found[4].origin == "scan.json#runs[1].results[0]"


def test_a_probers_results_have_routes_and_parameters_in_place_of_files():
    request = {"method": "post", "target": "https://shop.example/pay?x=1", "parameters": {"amount": "1"}}
    told = {
        "ruleId": "a",
        "message": {"text": "m"},
        "webRequest": request,
        "locations": at("https://shop.example/pay?x=1"),
    }
    logical = [{"logicalLocations": [{"fullyQualifiedName": "GET /orders/<int:n>"}]}]
    ours = {
        "ruleId": "b",
        "message": {"text": "m"},
        "locations": logical,
        "properties": {"service": "orders", "parameter": "n", "cwe": 639},
    }
    zap, prober = scan_of(log(run("ZAP", [told]), run("prober", [ours]))).findings
    assert (zap.service, zap.file, zap.route, zap.method, zap.parameter) == (
        "shop.example",
        "",
        "/pay",
        "POST",
        "amount",
    )
    assert (prober.service, prober.route, prober.method, prober.parameter) == (
        "orders",
        "/orders/<int:n>",
        "GET",
        "n",
    )
    assert (prober.kind, prober.cwe) == ("dast", 639)


def test_silence_of_a_run_that_failed_is_no_clean_bill():
    failed = run(
        "Bandit",
        [],
        invocations=[{"executionSuccessful": False, "toolExecutionNotifications": [{"level": "error"}]}],
    )
    unfinished = {"tool": {"driver": {"name": "Bandit"}}}
    notes = " ".join(scan_of(log(failed, unfinished)).notes)
    assert all(text in notes for text in ("says that it failed", "reports 1 errors", "did not finish"))


def test_an_unknown_tool_is_read_and_said_so_until_the_user_names_its_kind(tmp_path):
    result = {"message": {"text": "m"}, "locations": at("a.py", 1)}
    folder_of(tmp_path, a__json=log(run("Homemade", [result])))
    own = read(tmp_path)[0]
    assert own.findings[["tool", "kind"]].values.tolist() == [["Homemade", "unknown"]]
    told = "Homemade is not known here: its findings keep the base rate of 5 to 50 % until you label some"
    assert [one for one in check(own) if one.text.startswith(told) and not one.blocks]
    (tmp_path / "s.yaml").write_text("tools: {homemade: sast}\nservices: [{name: a}]\n")
    own = read(tmp_path)[0]
    assert own.findings["kind"].tolist() == ["sast"]
    said = " ".join(one.text for one in check(own))
    assert "not among the tools of our lab (bandit, semgrep, prober, agent): Homemade" in said


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("../../etc/passwd", "../../etc/passwd"),
        ("file:///etc/passwd", "etc/passwd"),
        ("file://host/share/a.py", "share/a.py"),
        ("C:\\code\\a.py", "code/a.py"),
        ("././a%20b.py", "a b.py"),
        ("a%0Ab.py", "a b.py"),
    ],
)
def test_paths_are_text_without_root_and_never_opened(uri, shown, monkeypatch):
    content = json.dumps(log(run("Bandit", [{"message": {"text": "m"}, "locations": at(uri, 1)}]))).encode()
    monkeypatch.setattr("builtins.open", None)
    monkeypatch.setattr(Path, "open", None)
    assert read_scan(content, "x").findings[0].file == shown


@pytest.mark.parametrize(
    ("said", "cwe"),
    [
        ("CWE-89", 89),
        ("external/cwe/cwe-089", 89),
        ("CWE-79: Text", 79),
        (22, 22),
        ("22", 22),
        (["x", "cwe_611"], 611),
        ("CWE-noinfo", None),
        (True, None),
        (-1, None),
        ("123456", None),
        (None, None),
        ({}, None),
    ],
)
def test_words_for_a_cwe(said, cwe):
    assert cwe_of(said) == cwe


def test_names_of_tools():
    assert known_tool("OWASP ZAP")[0] == "zap"
    assert known_tool("Semgrep OSS") == ("semgrep", "sast")
    assert known_tool("osv scanner") == ("osv-scanner", "sca")
    assert known_tool("grandbandit")[1] == "unknown"


# Packages --------------------------------------------------------------------------------------------

TRIVY = {
    "SchemaVersion": 2,
    "ArtifactName": ".",
    "Results": [
        {
            "Target": "a/requirements.txt",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-2020-1",
                    "PkgName": "PyYAML",
                    "InstalledVersion": "5.3",
                    "FixedVersion": "5.4, 6.0",
                    "Severity": "CRITICAL",
                    "CweIDs": ["CWE-502"],
                    "CVSS": {"nvd": {"V2Score": 7, "V3Score": 9.8}},
                }
            ],
        },
        {
            "Target": "Dockerfile",
            "Misconfigurations": [
                {
                    "ID": "DS002",
                    "Title": "root",
                    "Severity": "HIGH",
                    "Status": "FAIL",
                    "CauseMetadata": {"StartLine": 4},
                },
                {"ID": "DS001", "Status": "PASS"},
            ],
        },
        {
            "Target": "key.pem",
            "Secrets": [{"RuleID": "private-key", "Title": "key", "Severity": "LOW", "StartLine": 2}],
        },
    ],
}
GRYPE = {
    "descriptor": {"name": "grype"},
    "matches": [
        {
            "vulnerability": {
                "id": "GHSA-x",
                "severity": "High",
                "fix": {"versions": ["5.4"]},
                "description": "d",
                "cvss": [{"metrics": {"baseScore": 9.1}}],
            },
            "relatedVulnerabilities": [{"id": "CVE-2020-1"}],
            "artifact": {"name": "pyyaml", "version": "5.3", "locations": [{"path": "/a/requirements.txt"}]},
        }
    ],
}
OSV = {
    "results": [
        {
            "source": {"path": "/a/requirements.txt"},
            "packages": [
                {
                    "package": {"name": "PyYAML", "version": "5.3"},
                    "groups": [{"ids": ["GHSA-x"], "max_severity": "9.8"}],
                    "vulnerabilities": [
                        {
                            "id": "GHSA-x",
                            "aliases": ["CVE-2020-1"],
                            "summary": "s",
                            "database_specific": {"cwe_ids": ["CWE-20"], "severity": "MODERATE"},
                            "affected": [{"ranges": [{"events": [{"introduced": "0"}, {"fixed": "5.4"}]}]}],
                        }
                    ],
                }
            ],
        }
    ]
}
AUDITED = {
    "name": "pyyaml",
    "version": "5.3",
    "vulns": [
        {"id": "PYSEC-1", "aliases": ["GHSA-x", "CVE-2020-1"], "fix_versions": ["5.4"], "description": "d"}
    ],
}
BILL = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "metadata": {"component": {"name": "a"}},
    "components": [{"name": "pyyaml", "version": "5.3", "bom-ref": "p", "components": [{"name": "inner"}]}],
    "vulnerabilities": [
        {
            "id": "CVE-2020-1",
            "cwes": [502],
            "affects": [{"ref": "p"}],
            "ratings": [{"score": 9.8, "severity": "high"}],
        },
        {"id": "CVE-2020-2", "affects": [{"ref": "p"}], "analysis": {"state": "not_affected"}},
    ],
}


def test_four_tools_and_a_bill_of_materials_name_one_flaw_of_one_package(tmp_path):
    """All five write the package, and three the advisory, in another way; services come from paths."""
    services = b"services: [{name: a}, {name: b}]"
    files = {
        "t__json": TRIVY,
        "g__json": GRYPE,
        "o__json": OSV,
        "p__json": {"services": {"a": {"dependencies": [AUDITED]}}},
        "b__json": BILL,
        "s__yaml": services,
    }
    own, _ = read(folder_of(tmp_path, **files))
    table = own.groups.table.set_index("cve")
    one = table.loc["CVE-2020-1"]
    assert (one["package"], one["version"], one["service"], one["n_members"]) == ("pyyaml", "5.3", "a", 5)
    assert one["tools"] == "bill of materials, grype, osv-scanner, pip-audit, trivy"
    assert (one["severity"], one["level"]) == (9.8, "error")
    assert one["fixed_in"] == "5.4"
    assert bool(table.loc["CVE-2020-2"]["suppressed"])
    assert set(own.findings["file"]) == {"a/requirements.txt", "Dockerfile", "key.pem", ""}
    assert own.findings.loc[own.findings["rule"] == "private-key", ["cwe", "line"]].values.tolist() == [
        [798, 2]
    ]


def test_other_shapes_of_pip_audit_and_what_it_skipped():
    whole = scan_of({"dependencies": [AUDITED, {"name": "odd", "skip_reason": "not found"}], "fixes": []})
    assert (len(whole.findings), whole.findings[0].cve) == (1, "CVE-2020-1")
    assert "1 packages were skipped (odd)" in whole.notes[0]
    assert scan_of([AUDITED]).findings[0].package == "pyyaml"


def test_real_bills_of_materials_give_their_components():
    """Those that installed packages carry."""
    places = project_root() / ".venv" / "lib"
    bills = sorted({*places.rglob("sboms/*.cyclonedx.json"), *places.rglob("sboms/*.cdx.json")})
    if not bills:
        pytest.skip("NO BILLS: no installed package carries one, so no real bill was read.")
    for bill in bills:
        scan = read_scan(bill.read_bytes(), bill.name)
        assert scan.shape.startswith("CycloneDX 1."), bill
        assert len(scan.components) > 0 or not json.loads(bill.read_bytes())["components"]


# What a file is, and hostile ones --------------------------------------------------------------------


def test_a_format_is_known_by_content_whatever_the_name():
    assert scan_of(TRIVY, "bandit.sarif").shape == "Trivy JSON"
    assert scan_of(log(run("Bandit", [])), "trivy.json").shape == "SARIF 2.1.0"
    with pytest.raises(DataError, match="JSON of no known format"):
        scan_of({"hello": 1}, "bandit.sarif")
    with pytest.raises(DataError, match=r"version '2\.0\.0'"):
        scan_of({"version": "2.0.0", "runs": []})


GOOD = log(
    run(
        "Bandit",
        [{"ruleId": "R", "message": {"text": "m"}, "locations": at("a.py", 3), "properties": {"cwe": 89}}],
    )
)
LAUGHS = b'<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><z>&b;</z>'


def _with(**changes) -> bytes:
    return json.dumps(log(run("Bandit", [{**GOOD["runs"][0]["results"][0], **changes}]))).encode()


HOSTILE: dict[str, tuple[bytes, str]] = {
    "deep.sarif": (b'{"version":"2.1.0","runs":' + b"[" * 200_000, "levels deep"),
    "deep_objects.json": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "levels deep"),
    "nan.sarif": (_with(rank="#").replace(b'"#"', b"NaN"), "NaN is no number"),
    "twice.sarif": (b'{"version":"2.1.0","runs":[],"runs":[]}', "'runs' stands twice"),
    "laughs.sarif": (LAUGHS, "XML or HTML, which is never read"),
    "latin.sarif": ('{"version":"2.1.0","runs":["\xe9"]}'.encode("latin-1"), "not UTF-8"),
    "cut.sarif": (json.dumps(GOOD).encode()[:-40], "not readable as JSON"),
    "long_name.sarif": (_with(ruleId="x" * 10_000_000), "a name of 10,000,000 characters"),
    "results.sarif": (json.dumps(log(run("Bandit", "none"))).encode(), "is str 'none', not a list"),
    "result.sarif": (json.dumps(log(run("Bandit", [7]))).encode(), "is int '7', not an object"),
    "runs.sarif": (b'{"version":"2.1.0","runs":{}}', "not a list"),
    "zip.sarif": (b"PK\x03\x04rest", "a zip archive"),
    "pickle.json": (b"\x80\x04\x95\x10\x00", "a pickle"),
    "empty.sarif": (b" \n", "is empty"),
    "digits.sarif": (b'{"version":"2.1.0","runs":' + b"9" * 10_000 + b"}", "not readable as JSON"),
}
HARMLESS: dict[str, bytes] = {
    "long_message.sarif": _with(message={"text": "x" * 10_000_000}),
    "climbing.sarif": _with(locations=at("../../../../etc/passwd", 1)),
    "types.sarif": _with(
        message=5,
        locations={"a": 1},
        level=["error"],
        suppressions="yes",
        taxa={},
        codeFlows=[1],
        rule=[],
        ruleIndex=-1,
        webRequest=[],
        properties={"cwe": {}, "security-severity": "1e999", "service": 3},
        kind={},
    ),
    "numbers.sarif": _with(ruleIndex=10**400, locations=at("a.py", 10**400), properties={"cwe": 10**400}),
    "surrogates.sarif": _with(message={"text": "\ud800\u202e\x00"}, ruleId="\udfff"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gives_one_clear_error_beside_a_good_one(name, tmp_path):
    content, said = HOSTILE[name]
    folder_of(tmp_path, good__json=GOOD)
    (tmp_path / name).write_bytes(content)
    found = blocking(tmp_path)
    assert len(found) == 1
    assert said in found[0]
    assert found[0].startswith(name)
    assert len(found[0]) < 600
    assert len(read(tmp_path)[0].findings) == 1


@pytest.mark.parametrize("name", HARMLESS)
def test_an_odd_file_is_read_as_far_as_it_goes(name, tmp_path):
    (tmp_path / name).write_bytes(HARMLESS[name])
    assert blocking(tmp_path) == []
    own = read(tmp_path)[0]
    (found,) = own.findings.to_dict("records")
    assert len(own.groups.table) == 1
    assert len(found["message"]) <= bounds.MAX_MESSAGE
    assert all(str(one).isprintable() for one in found.values())


def test_limits_on_size_and_number(monkeypatch, tmp_path):
    folder_of(tmp_path, good__json=GOOD, more__json=GOOD)
    monkeypatch.setattr(bounds, "MAX_FINDINGS", 1)
    assert [one for one in blocking(tmp_path) if "2 findings in all; at most 1" in one]
    monkeypatch.setattr(bounds, "MAX_BYTES", 10)
    assert len(blocking(tmp_path)) == 2


def test_what_is_no_scan_is_told_and_xml_refused(tmp_path):
    folder_of(tmp_path, good__json=GOOD, zap__xml=LAUGHS, notes__txt=b"x")
    (tmp_path / "link.sarif").symlink_to("/etc/passwd")
    problems = check(read(tmp_path)[0])
    assert [one.text for one in problems if one.blocks] == [
        "zap.xml: is XML, which is never read. Export the scan as SARIF 2.1.0, or take it away."
    ]
    told = " ".join(one.text for one in problems)
    assert "no kind that is read: 2 files (link.sarif, notes.txt)" in told


def test_nothing_to_read_says_what_to_bring(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"holds no \.sarif, \.json file"):
        read(tmp_path)
    assert "nothing to rank" in blocking(folder_of(tmp_path, a__json=log(run("Bandit", []))))[0]


# Services and labels ---------------------------------------------------------------------------------


def test_all_that_is_wrong_with_services_is_said_at_once():
    rows = [
        {"name": "a", "criticality": 9, "exposure": "Internet", "ownr": "x", "calls": ["bb"]},
        {"name": "b"},
        {"name": "b"},
        {"paths": ["x"]},
        7,
        {"name": "=c", "revenue_usd_per_hour": "5 USD"},
    ]
    said = "\n".join(problems_of({"services": rows}, "s.yaml"))
    for text in (
        "criticality: '9' is none of 1, 2, 3, 4, 5",
        "exposure: 'Internet' is none of internet, internal",
        "unknown 'ownr'. Did you mean 'owner'?",
        "calls the unknown service 'bb'. Did you mean 'b'?",
        "service b stands there twice",
        "service 4: name is missing",
        "service 5: '7' is no mapping",
        "'=c' is no name",
        "'5 USD' is no amount of US dollars",
    ):
        assert text in said
    assert list(problems_of({"services": {"a": {"criticality": 1}}}, "s.yaml")) == []


def test_hops_follow_calls_from_the_internet_and_worth_follows_revenue_and_data():
    rows = [
        {
            "name": "web",
            "exposure": "internet",
            "calls": ["api"],
            "criticality": 5,
            "revenue_usd_per_hour": 100,
        },
        {"name": "api", "calls": ["db", "web"]},
        {"name": "db", "data_class": "payment", "criticality": 1},
        {"name": "batch", "impact_usd": 7},
    ]
    services = services_of({"services": rows})
    assert services.hops.tolist() == [0, 1, 2, UNREACHED, 0]
    assert [one.loss_usd for one in services.each] == [100 * 24 + 20_000, 20_000, 500_000, 7, 21_200]


def test_a_finding_lies_in_the_service_of_its_longest_path_host_repository_or_scan():
    rows = [
        {
            "name": "shop",
            "paths": ["apps"],
            "hosts": ["shop.example"],
            "repository": "git@forge.example:team/shop.git",
        },
        {"name": "pay", "paths": ["apps/pay/"]},
    ]
    told = [
        ("", "apps/x.py", ""),
        ("", "apps/pay/x.py", ""),
        ("shop.example", "", ""),
        ("pay", "apps/x.py", ""),
        ("https://forge.example/team/shop", "", ""),
        ("", "", "pay_audit.json#x"),
        ("", "", "scans/apps.json#pay"),
        ("", "elsewhere/x.py", "a.sarif#x"),
    ]
    table = pd.DataFrame(told, columns=["service", "file", "origin"], dtype="str")
    wanted = ["shop", "pay", "shop", "pay", "shop", "unassigned", "unassigned", "unassigned"]
    assert services_of({"services": rows}).owners_of(table).tolist() == wanted
    table.loc[5, "origin"] = "pay/audit.json#x"
    rows[1] = {"name": "pay"}
    assert services_of({"services": rows}).owners_of(table).tolist()[5] == "pay"


@pytest.mark.parametrize(
    ("file", "service"),
    [
        ("builds/team/x/apps/pay/a.py", "pay"),
        ("home/ci/apps/a.py", "shop"),
        ("shop/lib/apps/pay/a.py", "pay"),
        ("apps/lib/apps/pay/a.py", "shop"),
        ("x/myapps/pay/a.py", "unassigned"),
        ("x/jobs/run.py", "jobs"),
        ("x/jobs/walk.py", "unassigned"),
    ],
)
def test_paths_are_found_at_any_boundary_inside_a_path_but_beginnings_come_first(file, service):
    rows = [{"name": "s", "paths": ["apps"]}, {"name": "pay", "paths": ["apps/pay"]}]
    rows[0]["name"] = "shop-app"
    rows.append({"name": "jobs", "paths": ["jobs/run.py"]})
    table = pd.DataFrame([("", file, "a#1"), ("", file, "a#1")], columns=["service", "file", "origin"])
    found = services_of({"services": rows}).owners_of(table.astype("str")).tolist()
    assert found == ["shop-app" if service == "shop" else service] * 2


def test_what_no_service_claims_is_ranked_as_if_open_and_said_so(tmp_path):
    folder_of(tmp_path, good__json=GOOD)
    (tmp_path / "s.yaml").write_text("services: [{name: x, impact_usd: 7}, {name: y, impact_usd: 9}]")
    own = read(tmp_path)[0]
    assert (own.services.hops[-1], own.services.each[-1].loss_usd) == (0, 8)
    (told,) = (one.text for one in check(own) if "in no service" in one.text)
    assert "middle impact of your services (8 USD): 1 finding (a.py)" in told


def test_keys_at_the_top_of_services_are_checked(tmp_path):
    content = {"services": [{"name": "a"}], "triage_hour": 1, "mend_hours": -1, "tools": {"X": "sats"}}
    said = "\n".join(problems_of(content, "s.yaml"))
    assert "unknown 'triage_hour'. Did you mean 'triage_hours'?" in said
    assert "mend_hours: '-1' is no number of hours; write a bare number, 0 to 10,000" in said
    assert "tools: 'sats' is none of sast, dast, iast, sca" in said
    hours = services_of({"services": [], "mend_hours": 8}).hours
    assert (hours.triage_hours, hours.mend_hours) == (Assumptions().triage_hours, 8)
    assert Hours().mend_hours == Assumptions().fix_hours


def test_a_broken_services_file_is_not_called_missing_and_semgreps_own_json_is_named(tmp_path):
    native = {"results": [{"check_id": "r", "path": "a.py"}], "errors": []}
    folder_of(tmp_path, good__json=GOOD, own__json=native)
    (tmp_path / "s.yaml").write_text("services: [")
    said = [one.text for one in check(read(tmp_path)[0])]
    assert not [one for one in said if "no services file" in one]
    assert [one for one in said if "own.json: is Semgrep's own JSON. Run `semgrep --sarif`" in one]


def test_a_daily_file_of_epss_is_read_and_a_wrong_one_refused(tmp_path):
    folder_of(tmp_path, a__json=[AUDITED])
    head = "#model_version:v2025.03.14,score_date:2026-12-01\ncve,epss,percentile\n"
    (tmp_path / "epss.csv").write_text(head + "CVE-2020-1,0.10,0.9\nCVE-2021-44228,0.97,1\n")
    own = read(tmp_path)[0]
    assert own.epss == {"CVE-2020-1": 0.1, "CVE-2021-44228": 0.97}
    assert own.labels.empty
    assert [one for one in check(own) if "EPSS is at hand for 1 flaws" in one.text and not one.blocks]
    assert of_a_year(pd.Series([0.1, 1.0])).tolist() == pytest.approx([1 - 0.9 ** (365 / 30), 1.0])
    (tmp_path / "more.csv").write_text(head + "CVE-2020-1,0.1,0.9\n")
    assert "second file of EPSS" in blocking(tmp_path)[0]
    (tmp_path / "more.csv").unlink()
    (tmp_path / "epss.csv").write_text(head + "CVE-2020-1,1.5,0.9\n=x,0.1,1\nCVE-2020-2,,1\n")
    assert "3 rows give no CVE with a chance from 0 to 1 ('CVE-2020-1,1.5'; '=x,0.1'" in blocking(tmp_path)[0]


def test_labels_reach_their_groups_by_place_fingerprint_or_group_and_differing_ones_count_for_none(tmp_path):
    folder_of(tmp_path, good__json=GOOD)
    name = read(tmp_path)[0].groups.table["group"][0]
    for text, wanted in [
        ("file,line,cwe,real\na.py,3,CWE-89,yes\n", 1.0),
        (f"group,real\n{name},No\n", 0.0),
        (f"fingerprint,real\n{name},1\n", 1.0),
        (f"group,real\n{name},yes\n{name},no\n", np.inf),
        ("file,line,cwe,real\na.py,4,89,yes\n", np.nan),
    ]:
        (tmp_path / "labels.csv").write_text(text)
        own = read(tmp_path)[0]
        np.testing.assert_array_equal(own.truth, [wanted])
        assert len([one for one in check(own) if "label" in one.text]) == (not np.isfinite(wanted))
    (tmp_path / "labels.csv").write_text("group,real\nx,perhaps\n")
    assert "line 2: real: 'perhaps' is neither yes nor no" in blocking(tmp_path)[0]


# Deduplication ---------------------------------------------------------------------------------------


def sast(tool: str, line: int | None, cwe: int | None = 89, file: str = "a.py", **more) -> Finding:
    return Finding(tool, "sast", "R", "m", cwe, "s", file, line, **more)


def test_tools_that_name_one_place_and_one_kind_of_flaw_become_one_group():
    told = [
        sast("bandit", 10),
        sast("semgrep", 13, 564),
        sast("codeql", 17),
        sast("bandit", 11, 78),
        sast("x", 10, file="b.py"),
    ]
    groups = group(table_of(told))
    assert groups.of[0] == groups.of[1]
    assert len({*groups.of[1:].tolist()}) == 4
    merged = groups.table.iloc[groups.of[0]]
    assert (merged["tools"], merged["n_members"], merged["family"]) == ("bandit, semgrep", 2, "SQL injection")


def test_a_finding_with_line_and_route_joins_code_and_request():
    dast = Finding("zap", "dast", "R", "m", 89, "s", route="/x", method="GET", parameter="q")
    iast = Finding("agent", "iast", "R", "m", 89, "s", "a.py", 11, "/x", "GET", "q")
    assert len(group(table_of([dast, sast("bandit", 10)])).table) == 2
    assert len(group(table_of([dast, sast("bandit", 10), iast])).table) == 1
    assert len(group(table_of([dast, iast, sast("bandit", 10, 79)])).table) == 2


def test_without_a_cwe_only_one_rule_of_one_tool_is_the_same():
    assert len(group(table_of([sast("bandit", 10, None), sast("bandit", 10, None)])).table) == 1
    assert len(group(table_of([sast("bandit", 10, None), sast("semgrep", 10, None)])).table) == 2


FINDINGS = st.builds(
    Finding,
    st.sampled_from(["bandit", "zap", "trivy"]),
    st.just("sast"),
    st.sampled_from(["R", "Q"]),
    st.sampled_from("mn"),
    st.sampled_from([89, 564, 79, 9999, None]),
    st.sampled_from("st"),
    st.sampled_from(["a.py", "b.py", ""]),
    st.one_of(st.none(), st.integers(1, 40)),
    st.sampled_from(["", "/x", "/y"]),
    st.just("GET"),
    st.sampled_from(["", "q"]),
    st.sampled_from(["", "", "flask"]),
    cve=st.sampled_from(["", "CVE-1", "CVE-2"]),
    fixed_in=st.sampled_from(["", "1", "2"]),
    suppressed=st.booleans(),
    origin=st.sampled_from(["a#0", "b#1"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(FINDINGS, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_grouping_is_reversible_and_no_order_changes_it(told, shuffle):
    mixed = list(range(len(told)))
    shuffle.shuffle(mixed)
    one, other = group(table_of(told)), group(table_of([told[at] for at in mixed]))
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.of[mixed].tolist() == other.of.tolist()
    members = [np.flatnonzero(one.of == row).tolist() for row in range(len(one.table))]
    assert sorted(at for each in members for at in each) == list(range(len(told)))
    for row, each in enumerate(members):
        assert one.table["n_members"][row] == len(each) > 0
        assert bool(one.table["suppressed"][row]) == all(told[at].suppressed for at in each)
        assert len({told[at].service for at in each}) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=20))
def test_code_in_one_group_lies_around_its_middle_and_no_near_neighbour_is_cut_off_in_short_runs(lines):
    groups = group(table_of([sast("bandit", line) for line in lines]))
    for row in range(len(groups.table)):
        inside = np.array(lines)[groups.of == row]
        assert np.ptp(inside) <= 2 * LINES
    if np.ptp(lines) <= LINES:
        assert len(groups.table) == 1


def test_on_the_recorded_lab_no_group_holds_two_flaws_and_few_flaws_lie_in_two():
    """The lab's own list of cases judges: the case of a finding follows from its route or its line."""
    cases = frozen_table("vuln_priority", "labels.csv")
    by_route = dict(zip(zip(cases["service"], cases["route"], strict=True), cases.index, strict=True))
    spans = zip(cases["file"], cases["first_line"], cases["last_line"], cases.index, strict=True)
    by_line = {(file, line): case for file, first, last, case in spans for line in range(first, last + 1)}
    folder = EXAMPLE.parent / "recorded"
    scans = [read_scan(one.read_bytes(), one.name) for one in sorted(folder.glob("*.sarif"))]
    table = table_of(one for scan in scans for one in scan.findings)
    table["service"] = assumed_services(cases["service"]).owners_of(table)
    table["case"] = [
        by_route.get((one.service, one.route), by_line.get((one.file, one.line), -1))
        for one in table.itertuples()
    ]
    table["row"] = group(table).of
    known = table[table["case"] >= 0].assign(family=table["cwe"].map(family_of))
    assert len(known) > 500
    assert known.groupby("row")["case"].nunique().max() == 1
    assert (known.groupby(["case", "family"])["row"].nunique() == 1).mean() > 0.95


def test_a_huge_list_of_odd_services_is_refused_quickly(tmp_path):
    """Each of thousands of wrong calls would be compared with each of thousands of names."""
    rows = "".join(f"- {{name: s{n}, calls: [t{n}, u{n}]}}\n" for n in range(5_000))
    (tmp_path / "s.yaml").write_text(f"services:\n{rows}"[: 250 << 10].rpartition("\n")[0])
    folder_of(tmp_path, good__json=GOOD)
    start = time.process_time()
    assert len(blocking(tmp_path)) == 500
    assert time.process_time() - start < 30


def test_families_share_no_number():
    numbers = [one for family in FAMILIES.values() for one in family]
    assert len(numbers) == len(set(numbers))
    assert (family_of(89), family_of(12345), family_of(None)) == ("SQL injection", "CWE-12345", "")


# The example, the command, the ledger ----------------------------------------------------------------


def test_the_example_is_read_as_its_card_says():
    own, card = read(EXAMPLE)
    assert [one.text[:60] for one in check(own)] == [
        "suppressed in their scans, so not ranked: 1 finding.",
        "not among the tools of our lab (bandit, semgrep, prober, age",
    ]
    assert (card.rows, card.origin, len(own.groups.table), int(np.isfinite(own.truth).sum())) == (
        11,
        "yours",
        8,
        3,
    )
    assert own.groups.table["n_members"].sum() == 11
    by_tool = own.findings.groupby("tool").size().to_dict()
    assert by_tool == {"bandit": 2, "pip-audit": 2, "semgrep": 4, "trivy": 2, "zap": 1}


def test_the_command_checks_a_folder_and_a_file(capsys, tmp_path):
    with pytest.raises(typer.Exit, match="0"):
        data_command.check("vuln_priority", EXAMPLE)
    shown = capsys.readouterr().out
    assert "fit for vuln_priority" in shown
    assert re.search(r"dti run vuln_priority --data \S*example", shown)
    bad = tmp_path / "cut.sarif"
    bad.write_bytes(HOSTILE["cut.sarif"][0])
    with pytest.raises(typer.Exit, match="1"):
        data_command.check("vuln_priority", bad)


def test_a_run_plans_every_file_that_is_read(tmp_path):
    """Also in a folder without any table, and for a single scan."""
    for path in (EXAMPLE, folder_of(tmp_path, a__json=GOOD), tmp_path / "a.json"):
        forget_reads()
        read(path)
        found = {name: sha256 for name, sha256 in reads().items() if name.startswith("data_path")}
        assert found
        assert found.items() <= own_hashes(str(path)).items()


def test_a_card_follows_content_and_not_place(tmp_path):
    first, second = tmp_path / "1" / "x", tmp_path / "2" / "x"
    for place in (first, second):
        place.mkdir(parents=True)
        folder_of(place, a__json=GOOD)
    assert read(first)[1] == read(second)[1]
    folder_of(second, a__json=log(run("Bandit", [])))
    assert read(first)[1].sha256 != read(second)[1].sha256
