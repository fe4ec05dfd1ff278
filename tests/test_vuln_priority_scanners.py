"""The scanners on tiny code of their own: what they find, what they leave alone, and what they refuse."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from dti_core.lab.errors import DataError
from dti_core.studies.vuln_priority.methods.scanners.client import Client
from dti_core.studies.vuln_priority.methods.scanners.dependencies import (
    matching,
    read_advisories,
    run_pip_audit,
    serving_osv,
)
from dti_core.studies.vuln_priority.methods.scanners.observed import agent_hits, observe
from dti_core.studies.vuln_priority.methods.scanners.sarif import Hit, Scan, sarif_text
from dti_core.studies.vuln_priority.methods.scanners.static import find_semgrep, run_bandit, run_semgrep
from dti_core.studies.vuln_priority.methods.scanners.surface import read_endpoints
from dti_core.studies.vuln_priority.targets.lab import write_lab
from dti_core.studies.vuln_priority.targets.running import USERS, serving

ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / "experiments" / "data" / "vuln_priority"

TOY = """
import hashlib, html, sqlite3, subprocess
from flask import Flask, redirect, request

app = Flask(__name__)
db = sqlite3.connect(":memory:", check_same_thread=False)
db.execute("CREATE TABLE kettles (name TEXT)")
db.execute("INSERT INTO kettles VALUES ('blue kettle')")

@app.post("/login")
def login():
    answer = app.make_response("ok")
    answer.set_cookie("session", request.form["name"])
    return answer

@app.get("/kettles")
def kettles():
    rows = db.execute("SELECT * FROM kettles WHERE name = '" + request.args["name"] + "'")
    return {"rows": rows.fetchall()}

@app.get("/kettles/bound")
def bound():
    return {"rows": db.execute("SELECT * FROM kettles WHERE name = ?", (request.args["name"],)).fetchall()}

@app.get("/hello")
def hello():
    return "<p>" + request.args["name"] + "</p>"

@app.get("/hello/escaped")
def escaped():
    return "<p>" + html.escape(request.args["name"]) + hashlib.sha256(b"").hexdigest() + "</p>"

@app.post("/run")
def run():
    if request.cookies.get("session") != "user":
        return "no", 403
    words = "echo " + request.get_json()["word"]
    return {"out": subprocess.run(words, shell=True, capture_output=True, text=True).stdout}

@app.get("/go/<path:where>")
def go(where):
    return redirect(where)
"""
QUERY = {"get": {"parameters": [{"name": "name", "in": "query", "schema": {"example": "blue kettle"}}]}}
WORD = {"application/json": {"schema": {"properties": {"word": {"type": "string"}}}}}
PATHS = {
    **dict.fromkeys(("/kettles", "/kettles/bound", "/hello", "/hello/escaped"), QUERY),
    "/run": {"post": {"x-role": "user", "requestBody": {"content": WORD}}},
    "/go/{where}": {"get": {"parameters": [{"name": "where", "in": "path"}]}},
}
#: Serves the toy on loopback; any socket elsewhere would end it.
SERVE = """
import sys
from pathlib import Path
def only_loopback(event, given):
    if event in ("socket.connect", "socket.bind") and given[1][0] != "127.0.0.1":
        raise SystemExit(f"{event} {given[1]}")
sys.addaudithook(only_loopback)
sys.path.insert(0, sys.argv[1])
if len(sys.argv) > 2:
    from dti_core.studies.vuln_priority.targets.agent import install
    install(Path(sys.argv[2]))
from app import app
from werkzeug.serving import make_server
server = make_server("127.0.0.1", 0, app)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """The toy's folder, with its description."""
    folder = tmp_path_factory.mktemp("lab") / "toy"
    folder.mkdir()
    (folder / "app.py").write_text(TOY)
    (folder / "openapi.json").write_text(json.dumps({"openapi": "3.0.3", "paths": PATHS}))
    return folder


def _observed(toy, log=None):
    command = [sys.executable, "-c", SERVE, str(toy), *([str(log)] if log else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        try:
            address = f"http://127.0.0.1:{int(child.stdout.readline())}"
            return observe(toy, address, log, {"user": {"name": "user"}}, frozenset())
        finally:
            child.kill()


@pytest.fixture(scope="module")
def seen(toy):
    """What prober and agent found in the toy."""
    return _observed(toy, toy.parent / "agent.log")


def test_the_prober_finds_four_flaws_and_leaves_the_mended_twins_alone(seen):
    found = {(hit.cwe, hit.route) for hit in seen.prober}
    assert found == {(89, "/kettles"), (79, "/hello"), (78, "/run"), (601, "/go/<where>")}
    assert all(hit.details["authenticated"] is (hit.route == "/run") for hit in seen.prober)
    assert seen.n_requests < 60 * 7


def test_the_agent_sees_the_same_flaws_at_their_lines(seen):
    lines = TOY.splitlines()
    found = {(hit.cwe, hit.route): (lines[hit.line - 1], hit) for hit in seen.agent}
    assert set(found) == {(89, "/kettles"), (79, "/hello"), (78, "/run"), (601, "/go/<where>")}
    assert "db.execute" in found[89, "/kettles"][0]
    assert "subprocess.run" in found[78, "/run"][0]
    assert found[89, "/kettles"][1].details == {
        "service": "toy", "parameter": "name", "confidence": "high", "traffic": "usual"
    }  # fmt: skip
    assert found[79, "/hello"][1].details["traffic"] == "prober"


def test_the_prober_finds_the_same_without_the_agent_and_again(seen, toy):
    assert _observed(toy).prober == seen.prober


def test_nothing_but_loopback_is_probed():
    with pytest.raises(DataError, match="not on loopback"):
        Client("http://192.0.2.1:80")


def test_a_client_stops_at_its_limit(toy):
    client = Client("http://127.0.0.1:9", most=2)
    endpoint = read_endpoints(toy / "openapi.json")[0]
    assert [client.send(endpoint, {}).status for _ in range(2)] == [0, 0]
    with pytest.raises(DataError, match="limit"):
        client.send(endpoint, {})


def test_bandit_reports_a_weak_hash_and_not_a_strong_one(tmp_path):
    (tmp_path / "a.py").write_text("import hashlib\nhashlib.md5(b'x')\nhashlib.sha256(b'x')\n")
    (run,) = json.loads(run_bandit(tmp_path))["runs"]
    ((place, cwe),) = [(one["locations"][0], one["properties"]["cwe"]) for one in run["results"]]
    assert place["physicalLocation"] == {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 2}}
    assert (cwe, run["properties"]["n_files"]) == (327, 1)


@pytest.mark.parametrize("text", ["def broken(:\n", "type Row = list[int]\n"])
def test_a_file_that_was_not_parsed_is_not_clean(tmp_path, text):
    """The second is Python 3.12: under 3.11 bandit leaves it out, and says so only in its list of errors."""
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "new.py").write_text(text)
    with pytest.raises(DataError, match=r"did not parse 1 of 2 files.*new\.py"):
        run_bandit(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="no Python file"):
        run_bandit(tmp_path / "none")


@pytest.mark.skipif(find_semgrep() is None, reason="semgrep is not installed")
def test_semgrep_follows_a_value_to_the_statement(toy):
    (run,) = json.loads(run_semgrep(toy.parent, OWN / "rules", find_semgrep()))["runs"]
    lines = [
        (one["ruleId"], TOY.splitlines()[one["locations"][0]["physicalLocation"]["region"]["startLine"] - 1])
        for one in run["results"]
        if one["properties"]["cwe"] == 89
    ]
    assert [(rule, " + request" in line) for rule, line in lines] == [("sql-from-request", True)]


def test_a_sarif_log_has_the_standards_shape_and_the_same_bytes_in_any_order():
    hits = [
        Hit("r2", 89, "m", "error", file="a/b.py", line=3, details={"confidence": "high"}),
        Hit("r1", 79, "m", "note", method="GET", route="/x"),
    ]
    scan = Scan("tool", "1", "tool .", {"n_files": 2})
    text = sarif_text(scan, hits)
    assert text == sarif_text(scan, reversed([*hits, hits[0]]))
    log = json.loads(text)
    (run,) = log["runs"]
    assert (log["version"], run["tool"]["driver"]["name"], len(run["results"])) == ("2.1.0", "tool", 2)
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        assert isinstance(result["properties"]["cwe"], int)
    assert {"physicalLocation"} in [set(one["locations"][0]) for one in run["results"]]
    assert json.loads(sarif_text(scan, []))["runs"][0]["results"] == []


def _advisory(*events):
    span = [{"type": "ECOSYSTEM", "events": list(events)}]
    return {"affected": [{"package": {"name": "pyyaml", "ecosystem": "PyPI"}, "ranges": span}]}


@pytest.mark.parametrize(
    ("version", "hit"),
    [
        ("3.12", False),
        ("4.0", True),
        ("5.0", True),
        ("5.1", False),
        ("6.0", True),
        ("6.1", True),
        ("6.2", False),
    ],
)
def test_a_version_is_affected_within_the_ranges_alone(version, hit):
    record = _advisory(
        {"introduced": "4.0"}, {"fixed": "5.1"}, {"introduced": "6.0"}, {"last_affected": "6.1"}
    )
    assert bool(matching([record], "PyYAML", version)) is hit
    assert matching([record], "other", version) == []


def test_pip_audit_asks_the_loopback_server_alone(tmp_path):
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "requirements.txt").write_text("PyYAML==3.12\nidna==99.0\n")
    found = json.loads(run_pip_audit(tmp_path, read_advisories(OWN / "osv")))["services"]["orders"]
    by_name = {one["name"]: one["vulns"] for one in found["dependencies"]}
    assert "CVE-2017-18342" in [alias for one in by_name["pyyaml"] for alias in one["aliases"]]
    assert by_name["idna"] == []
    with pytest.raises(DataError, match=r"No requirements\.txt"):
        run_pip_audit(tmp_path / "orders", read_advisories(OWN / "osv"))


def test_the_osv_server_is_on_loopback_and_refuses_what_is_no_query():
    with serving_osv([]) as address:
        assert address.startswith("http://127.0.0.1:")
        ask = SimpleNamespace(good=b'{"package": {"name": "a"}, "version": "1"}', bad=b"[]")
        with urllib.request.urlopen(address, data=ask.good) as answer:
            assert json.load(answer) == {}
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(address, data=ask.bad)


def test_every_advisory_is_a_fact_with_a_range_a_cve_and_a_date():
    for one in read_advisories(OWN / "osv"):
        assert one["id"]
        assert any(alias.startswith("CVE-") for alias in [one["id"], *one["aliases"]])
        assert one["summary"].endswith(".")
        assert len(one["summary"]) <= 160
        assert len(one["published"]) == len("2020-01-01T00:00:00Z")
        assert all(span["events"][0].keys() == {"introduced"} for span in one["affected"][0]["ranges"])


def test_the_agents_log_keeps_the_surest_word_of_a_place(tmp_path):
    line = {
        "rule": "sql-executed", "cwe": 89, "file": str(tmp_path / "a" / "app.py"), "line": 3, "method": "GET",
        "route": "/x", "confidence": "low", "input": "q",
    }  # fmt: skip
    both = "\n".join(json.dumps(one) for one in (line, line | {"confidence": "high"}))
    (hit,) = agent_hits(both, "", tmp_path / "a")
    assert (hit.level, hit.file, hit.details["traffic"]) == ("error", "a/app.py", "prober")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The whole labelled lab."""
    folder = tmp_path_factory.mktemp("targets")
    write_lab(folder)
    return folder


def _recorded(name):
    (run,) = json.loads((OWN / "recorded" / name).read_text())["runs"]
    return run["results"]


def test_bandit_says_of_the_lab_what_is_recorded(lab):
    assert run_bandit(lab) == (OWN / "recorded" / "bandit.sarif").read_text()


def test_pip_audit_says_of_the_lab_what_is_recorded(lab):
    assert (
        run_pip_audit(lab, read_advisories(OWN / "osv")) == (OWN / "recorded" / "pip_audit.json").read_text()
    )


AGENT = "dti_core.studies.vuln_priority.targets.agent"
LOGINS = {role: {"user": name, "password": USERS[name]} for role, name in (("user", "ann"), ("admin", "ada"))}


def test_prober_and_agent_say_of_a_sample_of_the_lab_what_is_recorded(lab):
    routes = {one.route for one in read_endpoints(lab / "accounts" / "openapi.json")[::8]}
    with serving(lab, "accounts", AGENT) as served:
        seen = observe(lab / "accounts", served.url, served.log, LOGINS, frozenset(routes))
    for name, hits in (("prober.sarif", seen.prober), ("agent.sarif", seen.agent)):
        (run,) = json.loads(sarif_text(Scan("", "", "", {}), hits))["runs"]
        kept = [one for one in _recorded(name) if _place(one)[0] == "accounts" and _place(one)[1] in routes]
        assert run["results"] == kept
        assert kept


def _place(result):
    return result["properties"]["service"], result["properties"]["route"]


#: Python imports this first in every child: what leaves loopback is noted and refused.
NOTING = """
import os, sys
def hook(event, given):
    if event in ("socket.connect", "socket.bind", "socket.sendto"):
        host = given[1][0] if isinstance(given[1], tuple) else given[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = given[0]
    else:
        return
    os.write(noted, f"{host}\\n".encode())
    if host not in ("127.0.0.1", "::1"):
        raise PermissionError(host)
noted = os.open(os.environ["NOTED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sys.addaudithook(hook)
"""
ALL = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from test_vuln_priority_scanners import *
lab = Path(sys.argv[1])
run_bandit(lab / "reports")
run_pip_audit(Path(sys.argv[3]), read_advisories(OWN / "osv"))
with serving(lab, "reports") as served:
    observe(lab / "reports", served.url, None, LOGINS, frozenset({sys.argv[2]}))
"""
OUT = "import socket; socket.create_connection(('192.0.2.1', 9), timeout=1)"


@pytest.mark.parametrize(("code", "leaves"), [(ALL, False), (OUT, True)])
def test_no_tool_opens_a_socket_but_on_loopback(lab, tmp_path, code, leaves):
    """With a child that does leave, to see that it would be noted."""
    (tmp_path / "sitecustomize.py").write_text(NOTING)
    around = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}", "NOTED": str(tmp_path / "noted")}
    route = read_endpoints(lab / "reports" / "openapi.json")[0].route
    (tmp_path / "one" / "service").mkdir(parents=True)
    (tmp_path / "one" / "service" / "requirements.txt").write_text("PyYAML==3.12\n")
    command = [sys.executable, "-c", code, str(lab), route, str(tmp_path / "one")]
    done = subprocess.run(command, cwd=ROOT, env=around, capture_output=True, text=True, check=False)
    hosts = set((tmp_path / "noted").read_text().split())
    assert ("192.0.2.1" in hosts, hosts <= {"127.0.0.1", "::1"}) == (leaves, not leaves), done.stderr
    assert (done.returncode != 0) is leaves, done.stderr
