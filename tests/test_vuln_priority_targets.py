"""The labelled lab: the same bytes each time, labels that nothing gives away, and a guard that refuses."""

import ast
import csv
import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from dti_core.lab.errors import DataError
from dti_core.studies.vuln_priority.targets.cases import SERVICES, build_cases
from dti_core.studies.vuln_priority.targets.guard import harmless
from dti_core.studies.vuln_priority.targets.lab import (
    digests,
    imports,
    labels,
    openapi,
    write_lab,
)
from dti_core.studies.vuln_priority.targets.packages import PACKAGES, USES, pins, uses
from dti_core.studies.vuln_priority.targets.running import (
    USERS,
    child_command,
    child_surroundings,
    serving,
)

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "experiments" / "data" / "vuln_priority"
CASES = build_cases()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    write_lab(folder)
    return folder


def test_the_lab_is_written_byte_for_byte_as_recorded(lab):
    recorded = dict(
        line.split("  ", 1)[::-1] for line in (RECORDS / "targets.sha256").read_text().splitlines()
    )
    assert dict(digests(lab)) == recorded
    found = {path.relative_to(lab).as_posix() for path in lab.rglob("*") if path.is_file()}
    assert found == set(recorded)
    assert (RECORDS / "labels.csv").read_text() == labels()
    assert (RECORDS / "imports.csv").read_text() == imports()


def test_another_process_writes_the_same_bytes(tmp_path):
    """Sets and hashes of strings differ from process to process; nothing of the lab may hang on them."""
    module = "dti_core.studies.vuln_priority.targets.lab"
    code = f"from pathlib import Path; from {module} import write_lab; write_lab(Path({str(tmp_path)!r}))"
    surroundings = child_surroundings(tmp_path, tmp_path) | {"PYTHONHASHSEED": "7"}
    subprocess.run(child_command(code), env=surroundings, check=True)
    recorded = (RECORDS / "targets.sha256").read_text().splitlines()
    assert [f"{digest}  {path}" for path, digest in digests(tmp_path).items()] == recorded


def test_a_changed_file_changes_its_digest(lab, tmp_path):
    write_lab(tmp_path)
    path = tmp_path / CASES[0].file
    path.write_text(path.read_text().replace("text", "word", 1))
    before, after = digests(lab), digests(tmp_path)
    assert [name for name in before if before[name] != after[name]] == [CASES[0].file]


def test_modules_of_an_older_lab_do_not_stay(tmp_path):
    """A scanner would read them, and no label would be theirs; files of others are left alone."""
    (tmp_path / "orders").mkdir()
    for name in ("views_99.py", "own.py"):
        (tmp_path / "orders" / name).write_text("")
    write_lab(tmp_path)
    assert not (tmp_path / "orders" / "views_99.py").exists()
    assert (tmp_path / "orders" / "own.py").exists()


def test_the_lab_is_as_large_and_varied_as_it_says():
    assert 500 <= len(CASES) <= 700
    assert len({case.cwe for case in CASES}) >= 12
    assert len({case.flow for case in CASES}) >= 20
    assert {case.service for case in CASES} == set(SERVICES)
    assert {case.source for case in CASES} == {"query", "form", "json", "header", "cookie", "path"}
    for names in ({case.name for case in CASES}, {(case.service, case.route) for case in CASES}):
        assert len(names) == len(CASES)


@pytest.mark.parametrize("attribute", ["flow", "sink", "cwe", "source", "service", "role", "method"])
def test_nothing_of_a_case_gives_its_label_away(attribute):
    groups = defaultdict(list)
    for case in CASES:
        groups[getattr(case, attribute)].append(case.vulnerable)
    shares = {key: sum(group) / len(group) for key, group in groups.items()}
    assert {key: share for key, share in shares.items() if not 0.35 <= share <= 0.65} == {}
    assert min(map(len, groups.values())) >= 14


def test_names_routes_and_fields_tell_nothing():
    """Words of names, routes and fields are as frequent on both sides; none speaks of safety."""
    told = re.compile(
        r"safe|vuln|bad|good|danger|attack|inject|evil|secure|unsafe|taint|calm|risky", re.IGNORECASE
    )
    words = Counter()
    for case in CASES:
        assert not told.search(f"{case.name} {case.route} {case.field}")
        words[case.route.split("/")[1], case.vulnerable] += 1
    for noun in {noun for noun, _ in words}:
        assert 0.3 <= words[noun, True] / (words[noun, True] + words[noun, False]) <= 0.7


def test_code_has_no_comments_and_every_module_says_what_it_is(lab):
    for path in lab.rglob("*.py"):
        text = path.read_text()
        assert (ast.get_docstring(ast.parse(text)) or "").startswith("DELIBERATELY VULNERABLE LAB CODE")
        assert not re.search(r"^\s*#|  #", text, re.MULTILINE)


def test_lines_of_a_case_hold_its_view_and_its_sink(lab):
    words = {
        "sqlite_select": "execute(", "sqlite_order": "execute(", "sqlite_insert": "execute(",
        "shell_run": "run(", "os_popen": "popen(", "path_read": "read_text(", "path_write": "write_text(",
        "yaml_load": "yaml.load(", "url_open": "urlopen(", "redirect_to": "redirect(",
        "sax_parse": ".parse(", "log_line": "LOG.info(", "csv_cell": "writerow(",
        "set_attribute": "setattr(", "call_by_name": "getattr(", "html_field": "out =",
    }  # fmt: skip
    for case in CASES:
        lines = (lab / case.file).read_text().splitlines()
        assert case.first_line <= case.sink_line <= case.last_line
        inside = lines[case.first_line - 1 : case.last_line]
        assert sum(line.startswith("@pages.route(") for line in inside) == 1
        assert f'"{case.route}"' in "\n".join(inside)
        assert lines[case.first_line - 2] == "" == lines[case.first_line - 3]
        assert words.get(case.sink, "") in lines[case.sink_line - 1]


def test_labels_are_read_back_as_written():
    rows = list(csv.DictReader((RECORDS / "labels.csv").open()))
    assert rows == [{name: str(value) for name, value in asdict(case).items()} for case in CASES]


def test_descriptions_list_what_a_prober_may_know():
    for service in SERVICES:
        text = openapi(service)
        told = json.loads(text)
        mine = [case for case in CASES if case.service == service]
        assert len(told["paths"]) == len(mine) + 1
        for case in mine:
            operation = told["paths"][case.route.replace("<path:rest>", "{rest}")][case.method.lower()]
            assert operation.get("x-role", "") == case.role
            assert case.field in json.dumps(operation)
        hidden = {*(case.sink for case in mine), *(case.flow for case in mine if "_" in case.flow)}
        assert [word for word in (*hidden, "cwe", "sink", "flow") if word in text] == []


def test_services_and_manifests_fit_each_other(lab):
    services = yaml.safe_load((lab / "services.yaml").read_text())["services"]
    assert set(services) == set(SERVICES)
    assert all(set(told["calls"]) <= set(SERVICES) for told in services.values())
    for service in SERVICES:
        text = (lab / service / "requirements.txt").read_text()
        asked = dict(line.split("==") for line in text.splitlines() if not line.startswith("#"))
        bill = json.loads((lab / service / "bom.json").read_text())
        assert bill["specVersion"] == "1.6"
        assert {one["name"]: one["version"] for one in bill["components"]} == asked == pins(service)
        assert 10 <= len(asked) <= 14
    assert len({tuple(pins(service)) for service in SERVICES}) == len(SERVICES)


def test_uses_of_packages_are_what_the_code_says():
    """Known answers by hand for a small module; then the table against what the generator was told."""
    source = "import a.b\nfrom c import d\na.b.e(1)\nd().f()\ng()\n"
    assert uses([source]) == ({"a.b", "c"}, {"a.b.e", "c.d", "c.d.f"})
    rows = {(row["service"], row["package"]): row for row in csv.DictReader((RECORDS / "imports.csv").open())}
    for service, (called, imported, only_asked) in USES.items():
        for name in called:
            assert PACKAGES[name].call.split("(")[0] in rows[service, name]["called"].split(";")
        for name in (*imported, *only_asked):
            assert rows[service, name]["called"] == ""
            assert rows[service, name]["imported"] == str(name in imported)
    callers = {service for service in SERVICES if rows[service, "PyYAML"]["called"] == "yaml.load"}
    assert callers == {case.service for case in CASES if case.sink == "yaml_load"}


@pytest.mark.parametrize(
    "command",
    ["echo lamp", "echo x; echo y", "echo x && echo y", "echo $(echo y)", "echo `echo y`", "echo x; sleep 1",
     "echo x; echo y >> $LAB_CANARY", "echo 'x; echo y'"],
)  # fmt: skip
def test_commands_that_only_echo_are_let_through(command):
    assert harmless(command)


@pytest.mark.parametrize(
    "command",
    ["ls", "echo x; ls", "echo x > file", "echo x | sh", "echo x; rm -r .", "echo $(cat /etc/passwd)",
     "echo x\nid", "sleep 30", "echo x < /etc/passwd", "printf %99999999d 1", "echo " + "x" * 400,
     "echo x; $SHELL", "echo x & ls"],
)  # fmt: skip
def test_other_commands_are_refused(command):
    assert not harmless(command)


ATTEMPTS = {
    "another address": "socket.socket().connect(('192.0.2.1', 80))",
    "all interfaces": "socket.socket().bind(('0.0.0.0', 0))",
    "a name": "socket.getaddrinfo('example.invalid', 80)",
    "a datagram": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "a local socket": "socket.socket(socket.AF_UNIX).connect('/run/x')",
    "an address by urllib": "urllib.request.urlopen('http://192.0.2.1/', timeout=1)",
    "writing elsewhere": "open(OUT, 'w')",
    "appending elsewhere": "os.open(OUT, os.O_WRONLY | os.O_CREAT)",
    "writing through a link": "(os.symlink(os.path.dirname(OUT), 'link'), open('link/x', 'w'))",
    "removing elsewhere": "os.remove(OUT)",
    "moving out": "os.rename('canary', OUT)",
    "a folder elsewhere": "os.mkdir(OUT)",
    "a data base elsewhere": "sqlite3.connect(OUT)",
    "reading a private file": "open(OUT)",
    "another program": "subprocess.run(['ls'])",
    "a shell": "subprocess.run('echo x; ls', shell=True)",
    "os.system": "os.system('ls')",
    "a fork": "os.fork()",
    "another image": "os.execv('/bin/ls', ['ls'])",
    "a signal": "os.kill(os.getppid(), 0)",
    "foreign code": "ctypes.CDLL('libc.so.6')",
}
ALLOWED = {
    "writing in scratch": "open('mark', 'w').close()",
    "the echo": "subprocess.run('echo x', shell=True, check=True)",
    "loopback": "socket.create_server(('127.0.0.1', 0)).close()",
    "memory": "sqlite3.connect(':memory:')",
}


def _attempt(code: str, lab: Path, tmp_path: Path, guarded: bool = True) -> str:
    """What a child says to a piece of code: refused, done or the name of another error."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    out = str(tmp_path / "out")
    guard = f"guard.guard(pathlib.Path({str(scratch)!r}), pathlib.Path({str(lab)!r}))" if guarded else ""
    lines = [
        "import ctypes, os, pathlib, socket, sqlite3, subprocess, urllib.request",
        "from dti_core.studies.vuln_priority.targets import guard",
        f"OUT = {out!r}", guard, "open('canary', 'w').close()",
        "try:", f"    {code}", "except BaseException as error:", "    print(repr(error))", "else:",
        "    print('done')",
    ]  # fmt: skip
    done = subprocess.run(
        child_command("\n".join(lines)), env=child_surroundings(lab, scratch), cwd=scratch,
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("name", ATTEMPTS)
def test_the_guard_refuses(name, lab, tmp_path):
    said = _attempt(ATTEMPTS[name], lab, tmp_path)
    assert "the lab refuses" in said, said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ALLOWED)
def test_the_guard_lets_the_lab_work(name, lab, tmp_path):
    assert "done" in _attempt(ALLOWED[name], lab, tmp_path)


def test_without_the_guard_the_same_attempt_goes_through(lab, tmp_path):
    assert "done" in _attempt(ATTEMPTS["writing elsewhere"], lab, tmp_path, guarded=False)
    assert (tmp_path / "out").exists()


def test_services_refuse_to_start_outside_of_the_runner(lab, tmp_path):
    surroundings = child_surroundings(lab, tmp_path)
    del surroundings["LAB_SCRATCH"]
    done = subprocess.run(
        child_command("import orders.app"), env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "vulnerable lab code" in done.stderr


def _ask(url, data=None, cookie=""):
    body = urllib.parse.urlencode(data).encode() if data else None
    request = urllib.request.Request(url, body, {"Cookie": cookie} if cookie else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode(), answer.headers.get("Set-Cookie", "").split(";")[0]


def _status(url, cookie):
    try:
        _ask(url, cookie=cookie)
    except urllib.error.HTTPError as answer:
        return answer.code
    return 200


def test_a_service_is_served_on_loopback_with_roles_and_an_agent(lab, tmp_path):
    """The agent is a module of the test's own beside the services, installed before the app is imported."""
    agent = "import sys\n\ndef install(log):\n    log.write_text(str('orders.app' in sys.modules))\n"
    write_lab(tmp_path)
    (tmp_path / "watcher.py").write_text(agent)
    case = next(
        case for case in CASES if (case.service, case.role, case.source) == ("orders", "user", "query")
    )
    with serving(tmp_path, "orders", agent="watcher") as served:
        assert served.url.startswith("http://127.0.0.1:")
        assert _ask(f"{served.url}/health")[0] == "well"
        assert served.log.read_text() == "False"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            _ask(f"{served.url}{case.route}?{case.field}=lamp")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            _ask(f"{served.url}/login", {"user": "ann", "password": "wrong"})
        _, cookie = _ask(f"{served.url}/login", {"user": "ann", "password": USERS["ann"]})
        assert _status(f"{served.url}{case.route}?{case.field}=lamp", cookie) not in (401, 403)
    with pytest.raises(urllib.error.URLError):
        _ask(f"{served.url}/health")
    assert not served.scratch.exists()


def test_what_cannot_be_served_is_said(lab, tmp_path):
    with pytest.raises(DataError, match="no service 'shop'"), serving(lab, "shop"):
        pass
    with pytest.raises(DataError, match="no dotted name"), serving(lab, "orders", agent="os; import os"):
        pass
    with (
        pytest.raises(DataError, match=r"did not start.*no_such_agent"),
        serving(lab, "orders", agent="no_such_agent"),
    ):
        pass
    with pytest.raises(DataError, match="did not start"), serving(tmp_path, "orders"):
        pass
