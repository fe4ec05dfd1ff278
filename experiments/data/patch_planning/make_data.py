"""Make debian_cadence.csv from the changelogs of the packages that are installed on a Debian machine.

Run it as `python experiments/data/patch_planning/make_data.py`; it is offline and reads nothing but
/usr/share/doc. Another machine, or another day, gives other rows: the committed file is the one that counts.
"""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from dti_core.lab.files import write

DOC = Path("/usr/share/doc")
TARGET = Path(__file__).with_name("debian_cadence.csv")
SINCE = date(2021, 1, 4)
COLUMNS = ("source", "version", "cve", "date")
HEAD = re.compile(r"^(?P<source>[a-z0-9][a-z0-9+.-]+) \((?P<version>[^)]+)\) [^;]+;", re.MULTILINE)
SIGNED = re.compile(r"^ -- .*?>  (?P<when>.+)$", re.MULTILINE)
CVE = re.compile(r"\bCVE-(?:199|20\d)\d-\d{4,7}\b")


def uploads(text: str) -> Iterator[tuple[str, str, date, set[str]]]:
    """Source, version, day in UTC and named CVEs of each upload of a changelog."""
    heads = list(HEAD.finditer(text))
    ends = [*(one.start() for one in heads[1:]), len(text)]
    for head, end in zip(heads, ends, strict=True):
        body = text[head.end() : end]
        if signed := SIGNED.search(body):
            when = parsedate_to_datetime(signed["when"]).astimezone(UTC).date()
            yield head["source"], head["version"], when, set(CVE.findall(body[: signed.start()]))


def closing(texts: Iterator[str]) -> list[tuple[str, str, str, str]]:
    """A row a source and CVE: the first upload that names it, if that came since `SINCE`."""
    first: dict[tuple[str, str], tuple[date, str]] = {}
    for text in texts:
        for source, version, when, named in uploads(text):
            for cve in named:
                first[source, cve] = min(first.get((source, cve), (when, version)), (when, version))
    rows = [(source, version, cve, when) for (source, cve), (when, version) in first.items() if when >= SINCE]
    ordered = sorted(rows, key=lambda row: (row[0], row[3], row[1], row[2]))
    return [(source, version, cve, when.isoformat()) for source, version, cve, when in ordered]


def changelogs() -> Iterator[str]:
    """The Debian changelog of each installed package, once; a native package has no other one."""
    for folder in sorted(path for path in DOC.iterdir() if path.is_dir() and not path.is_symlink()):
        for name in ("changelog.Debian.gz", "changelog.gz"):
            if (file := folder / name).is_file():
                yield gzip.decompress(file.read_bytes()).decode("utf-8", errors="replace")
                break


def main() -> None:
    """Write the table and say what it holds."""
    rows, text = closing(changelogs()), io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    write(TARGET, text.getvalue())
    n_uploads = len({row[:2] for row in rows})
    today = datetime.now(UTC).date()
    print(f"{today}: {len(rows)} rows, {n_uploads} uploads of {len({row[0] for row in rows})} sources")


if __name__ == "__main__":
    main()
