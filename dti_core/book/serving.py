"""Send the files of a built site compressed, as a web server would."""

import gzip
import io
from functools import lru_cache
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import BinaryIO

#: Kinds of files that shrink.
_TEXT = (".html", ".css", ".js", ".json", ".svg", ".csv", ".txt")


class SqueezedFiles(SimpleHTTPRequestHandler):
    """Files of a folder, text with gzip for browsers that take it."""

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Headers of the file that is asked for, and what to send after them."""
        path = Path(self.translate_path(self.path))
        accepts = "gzip" in self.headers.get("Accept-Encoding", "")
        if not (accepts and path.suffix in _TEXT and path.is_file()):
            return super().send_head()
        content = _squeezed(path, path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Vary", "Accept-Encoding")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return io.BytesIO(content)


@lru_cache(maxsize=512)
def _squeezed(path: Path, changed: int) -> bytes:
    """A file as gzip; `changed` tells one state of it from the next."""
    return gzip.compress(path.read_bytes(), mtime=0)
