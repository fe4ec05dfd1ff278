"""Bring published files and data carriers to this machine: `dti data get`."""

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import requests
from filelock import FileLock

from dti_core.lab import files
from dti_core.lab.data.carriers import get_carriers
from dti_core.lab.data.ledger import sha256_of
from dti_core.lab.data.registry import DataSet, load_published, load_registry, published
from dti_core.lab.errors import DataError, one_line

CARRIERS = "carriers"
_TRIES = 4
_SILENCE_SECONDS = 30
_PIECE = 1 << 12


def get(name: str, folder: Path | None, report: Callable[[str], None]) -> Path:
    """Bring one published set, or the data `carriers`; returns the folder in which they lie.

    What is there and unchanged stays; what was cut off goes on where it stopped; nothing is kept unless its
    hash is the registered one.

    Parameters
    ----------
    folder : copies to take instead of the network: the files, plain or as .gz, or a folder of the set's name.
    report : told one line an event.

    Raises
    ------
    DataError for an unknown name, other bytes than the registered ones, or a file that cannot be had.
    """
    if name == CARRIERS:
        return get_carriers(folder, report)
    if name in (inside := load_registry()) and name not in load_published():
        raise DataError(
            f"{name} comes inside the package {inside[name].package}. Run `dti data get {CARRIERS}`."
        )
    data = published(name)
    report(f"{data.title}. Licence of the copy: {data.licence}. {data.upstream}")
    data.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(data.folder / ".lock"):
        for file in data.files:
            _get_file(data, file, folder, report)
    return data.folder


def _get_file(data: DataSet, file: str, folder: Path | None, report: Callable[[str], None]) -> None:
    row, target = data.files[file], data.folder / file
    if target.is_file() and sha256_of(target) == row.sha256:
        report(f"{data.name}/{file}: there, unchanged.")
        return
    part = target.with_name(f"{target.name}.part")
    source: Path | str
    if folder is not None:
        source = _copy_of(data.name, file, folder.expanduser())
        content = _take(source, file, row.bytes)
    elif row.address is not None:
        source = row.address
        content = _download(source, row.bytes, part)
    else:
        raise DataError(
            f"{data.name}/{file}: was made from {data.commit} and lies at no address of its own. "
            f"Run `dti data get {data.name} --from FOLDER` with a folder that holds it."
        )
    if (found := hashlib.sha256(content).hexdigest()) != row.sha256:
        part.unlink(missing_ok=True)
        raise DataError(
            f"{data.name}/{file}: {source} has other bytes (sha256 {found[:12]}) than the registered ones "
            f"({row.sha256[:12]}). Nothing was kept; try another source."
        )
    files.write(target, content)
    part.unlink(missing_ok=True)
    report(f"{data.name}/{file}: {row.bytes:,} bytes, hash as registered.")


def _copy_of(name: str, file: str, folder: Path) -> Path:
    places = [place / found for place in (folder, folder / name) for found in (file, f"{file}.gz")]
    for place in places:
        if place.is_file():
            return place
    raise DataError(f"{folder}: holds neither {file} nor {file}.gz, nor a folder {name} with one of them.")


def _take(source: Path, file: str, size: int) -> bytes:
    """What `source` holds, unpacked if it is a .gz of `file`, at most a byte more than `size`."""
    packed = source.suffix == ".gz" and not file.endswith(".gz")
    try:
        with gzip.open(source) if packed else source.open("rb") as stream:
            return stream.read(size + 1)
    except (OSError, EOFError) as error:
        raise DataError(f"{source}: cannot be read ({error}).") from error


def _download(address: str, size: int, part: Path) -> bytes:
    """What lies at `address`, gathered in `part` and going on after it; DataError after vain tries."""
    url, problem = urlsplit(address), "the connection ended early"
    if url.scheme != "https" and (url.scheme, url.hostname) != ("http", "127.0.0.1"):
        raise DataError(f"{address}: only https addresses are fetched.")
    part.touch()
    for _ in range(_TRIES):
        try:
            _continue(address, size, part)
        except requests.RequestException as error:
            problem = one_line(error, 200)
        if (have := part.stat().st_size) >= size:
            return part.read_bytes()
    raise DataError(
        f"{address}: {problem}. {have:,} of {size:,} bytes are here. "
        f"Run the command again to go on, or use --from FOLDER."
    )


def _continue(address: str, size: int, part: Path) -> None:
    """Add to `part` what the server still has, at most a byte more than `size`, whose hash will be wrong."""
    have = part.stat().st_size
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={have}-"}
    with requests.get(
        address, headers=headers, stream=True, timeout=_SILENCE_SECONDS, allow_redirects=False
    ) as answer:
        if answer.status_code not in (200, 206, 416):
            raise DataError(f"{address}: answers {answer.status_code} {answer.reason}. Try --from FOLDER.")
        goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        with part.open("ab" if answer.status_code == 206 and goes_on else "wb") as stream:
            for piece in answer.iter_content(_PIECE) if answer.ok else ():
                stream.write(piece[: size + 1 - stream.tell()])
                if stream.tell() > size:
                    break
