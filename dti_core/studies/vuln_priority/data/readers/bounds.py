"""Bytes of a foreign file to plain values, within limits; wrong types never reach further than here."""

import json
import re
from collections import Counter
from typing import Any

from dti_core.lab.errors import DataError, one_line

MEGABYTE = 1 << 20
#: Of one scan; findings of one scan and of all together.
MAX_BYTES, MAX_FINDINGS = 200 * MEGABYTE, 1_000_000
#: Characters of a name, such as that of a rule or file, and of a message, which is cut there.
MAX_NAME, MAX_MESSAGE = 2_000, 600
MAX_LINE_NUMBER = 100_000_000
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_KINDS = {
    b"PK\x03\x04": "a zip archive", b"\x80": "a pickle or other binary file", b"\x1f\x8b": "a gzip file",
    b"<": "XML or HTML, which is never read", b"\x00": "a binary file", b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}  # fmt: skip


def plain_text(content: bytes, name: str) -> str:
    """The text of a file.

    Raises
    ------
    DataError if it is too large, no UTF-8 or no text at all.
    """
    if len(content) > MAX_BYTES:
        raise DataError(
            f"{name}: has {len(content) // MEGABYTE:,} MB; at most {MAX_BYTES // MEGABYTE} MB are read. "
            "Split it."
        )
    start = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if found := [what for magic, what in _KINDS.items() if start.startswith(magic)]:
        raise DataError(f"{name}: is {found[0]}. Export the scan as SARIF 2.1.0 or JSON.")
    if not start:
        raise DataError(f"{name}: is empty. Run the tool again, or take the file away.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: byte {error.start} is not UTF-8. Save the file as UTF-8.") from error


def parse_json(text: str, name: str) -> Any:
    """What a JSON text says.

    Raises
    ------
    DataError if it is cut off, no JSON, nested too deeply (where Python ends its own calls), gives a key
    twice, or holds NaN.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError as error:
        raise DataError(
            f"{name}: nests hundreds of levels deep, which no scan does. Export it anew."
        ) from error
    except ValueError as error:
        why = one_line(error, 200)
        raise DataError(
            f"{name}: not readable as JSON ({why}). Run the tool again and keep all it writes."
        ) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key '{twice[:60]}' stands twice in one object")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def at(raw: Any, *path: str | int) -> Any:
    """What lies at a path of keys and places, None if something on the way is missing or of another type."""
    for step in path:
        if isinstance(step, str):
            raw = raw.get(step) if isinstance(raw, dict) else None
        else:
            raw = raw[step] if isinstance(raw, list) and 0 <= step < len(raw) else None
    return raw


def items(raw: Any, where: str = "") -> list[Any]:
    """A list as it is, and an empty one for nothing.

    Raises
    ------
    DataError if `where` is given and the value is something else: no finding is lost silently.
    """
    if isinstance(raw, list):
        return raw
    if where and raw is not None:
        raise DataError(
            f"{where}: is {type(raw).__name__} '{one_line(raw, 40)}', not a list. Export the scan anew."
        )
    return []


def objects(raw: Any, where: str) -> list[dict[str, Any]]:
    """A list of JSON objects; DataError if it, or one of them, is something else."""
    found = items(raw, where)
    for place, one in enumerate(found):
        if not isinstance(one, dict):
            shown = one_line(one, 40)
            raise DataError(
                f"{where}[{place}]: is {type(one).__name__} '{shown}', not an object. Export it anew."
            )
    if len(found) > MAX_FINDINGS:
        raise DataError(
            f"{where}: has {len(found):,} entries; at most {MAX_FINDINGS:,} are read. Split the scan."
        )
    return found


def name(raw: Any, where: str = "") -> str:
    """A name on one line, "" for what is no text. DataError if it is longer than any name."""
    if not isinstance(raw, str):
        return ""
    if len(raw) > MAX_NAME:
        raise DataError(
            f"{where}: a name of {len(raw):,} characters; at most {MAX_NAME:,} are read. Shorten it."
        )
    return _ODD.sub(" ", raw).strip()


def message(raw: Any) -> str:
    """A message on one line, cut to `MAX_MESSAGE`, "" for what is no text."""
    if not isinstance(raw, str):
        return ""
    line = " ".join(_ODD.sub(" ", raw[: 4 * MAX_MESSAGE]).split())
    return line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 3]}..."


def line_number(raw: Any) -> int | None:
    """A line from 1 on, None for what is none."""
    whole = isinstance(raw, int) and not isinstance(raw, bool)
    return raw if whole and 1 <= raw <= MAX_LINE_NUMBER else None


def score(raw: Any) -> float | None:
    """A severity from 0 to 10, also from its text; None for what is none."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str) or len(str(raw)) > 20:
        return None
    try:
        number = float(raw)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number <= 10 else None
