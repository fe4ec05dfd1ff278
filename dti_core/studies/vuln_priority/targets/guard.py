"""What a process of the lab may do: sockets on loopback, files in its scratch folder, a command that echoes.

An audit hook cannot be removed, so this is for child processes only. It bounds honest tests and is no sandbox
for hostile code.
"""

import os
import re
import resource
import sys
from collections.abc import Callable
from pathlib import Path

_LOOPBACK = "127.0.0.1"
_NAMES = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_CPU_SECONDS, _FILE_BYTES = 600, 64 * 2**20
_LONGEST_COMMAND = 300
#: What the shell may be asked for; between separators there may be nothing but these.
_SEPARATORS = re.compile(r"[;|&\n`${}()]+")
_HARMLESS = re.compile(r"echo( [^<>]*)?|printf( [^<>%]*)?|sleep [0-2](\.\d+)?|true|[\s'\"#]*|[\d+*/ -]+")
_CANARY = re.compile(r">>\s*\$LAB_CANARY")
_READABLE = (
    "/usr", "/lib", "/lib64", "/etc/passwd", "/etc/mime.types", "/etc/ssl", "/dev/null", "/dev/urandom",
)  # fmt: skip
#: Events whose first arguments are paths that are changed.
_CHANGES = {
    "os.remove": 1, "os.rename": 2, "os.rmdir": 1, "os.mkdir": 1, "os.link": 2, "os.symlink": 2,
    "os.chmod": 1, "os.chown": 1, "os.truncate": 1, "os.utime": 1, "os.mkfifo": 1, "os.mknod": 1,
    "os.setxattr": 1, "shutil.rmtree": 1, "shutil.move": 2, "shutil.copyfile": 2,
}  # fmt: skip
_NEVER = (
    "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.kill", "os.killpg", "os.putenv",
    "os.unsetenv", "pty.spawn", "sqlite3.load_extension", "sqlite3.enable_load_extension", "ctypes.dlopen",
    "os.startfile", "syslog.syslog", "ftplib.connect", "smtplib.connect", "telnetlib.Telnet.open",
)  # fmt: skip


def harmless(command: str) -> bool:
    """Whether a shell would only echo, wait up to two seconds, or leave its mark in the canary file."""
    pieces = _SEPARATORS.split(_CANARY.sub("", command))
    return len(command) <= _LONGEST_COMMAND and all(_HARMLESS.fullmatch(piece.strip()) for piece in pieces)


def _refuse(event: str, what: object) -> None:
    raise PermissionError(
        f"the lab refuses {event}: {what!r}; only loopback, its scratch folder and echo are open"
    )


def _check_network(event: str, args: tuple[object, ...]) -> None:
    """Sockets to and from 127.0.0.1 only, and no name is looked up."""
    if event in ("socket.connect", "socket.bind", "socket.sendto"):
        address = args[1]
        if not (isinstance(address, tuple) and address and address[0] == _LOOPBACK):
            _refuse(event, address)
    elif event == "socket.sendmsg":
        _refuse(event, args[1])
    elif event in _NAMES and args[0] not in (_LOOPBACK, None):
        _refuse(event, args[0])


def _check_command(event: str, args: tuple[object, ...]) -> None:
    """Only echo, itself or through the shell."""
    if event == "os.system" and not harmless(os.fsdecode(args[0])):  # type: ignore[arg-type]
        _refuse(event, args[0])
    if event == "subprocess.Popen":
        words = args[1]
        if isinstance(words, list | tuple):
            shell = len(words) == 3 and list(words[:2]) == ["/bin/sh", "-c"] and harmless(str(words[2]))
            if shell or (words and words[0] == "echo"):
                return
        _refuse(event, words)


def _within(path: object, roots: tuple[str, ...]) -> bool:
    if not isinstance(path, str | bytes | os.PathLike):
        return True
    real = os.path.realpath(os.fsdecode(path))
    return any(real == root or real.startswith(root + os.sep) for root in roots)


def _file_check(scratch: str, readable: tuple[str, ...]) -> Callable[[str, tuple[object, ...]], None]:
    def check(event: str, args: tuple[object, ...]) -> None:
        if event == "open":
            path, mode, flags = args
            writes = set(str(mode or "")) & set("wax+") or (
                isinstance(flags, int)
                and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            )
            allowed = (scratch, "/dev/null") if writes else (scratch, *readable)
            if not _within(path, allowed):
                _refuse("writing" if writes else "reading", path)
        elif event in _CHANGES:
            for path in args[: _CHANGES[event]]:
                if not _within(path, (scratch,)):
                    _refuse(event, path)
        elif event == "sqlite3.connect" and args[0] != ":memory:" and not _within(args[0], (scratch,)):
            _refuse(event, args[0])

    return check


def guard(scratch: Path, lab: Path) -> None:
    """Refuse, from here to the end of this process, all that a process of the lab may not do.

    Parameters
    ----------
    scratch : the one folder in which files may be written. Read may be the lab, Python and its packages too.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    python = {sys.prefix, sys.base_prefix, *filter(None, sys.path)}
    readable = tuple({os.path.realpath(one) for one in (str(lab), *python, *_READABLE)})
    check_file = _file_check(os.path.realpath(scratch), readable)

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event.startswith("socket."):
            _check_network(event, args)
        elif event in _NEVER:
            _refuse(event, args[:1])
        elif event in ("subprocess.Popen", "os.system"):
            _check_command(event, args)
        else:
            check_file(event, args)

    sys.addaudithook(hook)
