"""One way to read our YAML: plain values only, no key twice, and nothing that fills time or memory."""

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from dti_core.lab.errors import ConfigError, one_line

MAX_BYTES = 256 << 10
MAX_DEPTH = 20
MAX_ALIASES = 16
MAX_TEXT = 10_000


def read_text(path: Path) -> str:
    """The text of a YAML file. ConfigError if it is too long or not UTF-8."""
    with path.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ConfigError(
            f"{path.name}: is longer than {MAX_BYTES >> 10} kB, which no file of ours is. Shorten it."
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path.name}: byte {error.start} is not UTF-8 ({content[error.start : error.start + 1]!r}). "
            f"Save the file as UTF-8."
        ) from error


def parse_yaml(text: str, name: str) -> Any:
    """What the text of `read_text` says, as plain dicts, lists, texts and numbers; `name` stands in messages.

    Raises
    ------
    ConfigError if it is no YAML, gives a key twice, nests too deeply or repeats itself by aliases.
    """
    try:
        return yaml.load(text, Loader=_PlainLoader)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise ConfigError(f"{name}: not readable as YAML: {one_line(error, 400)}") from error


class _PlainLoader(yaml.SafeLoader):
    """Safe YAML with limits that refuses a key given twice; plain YAML would keep the last one silently."""

    _depth = _aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        self._depth += 1
        self._aliases += isinstance(event, yaml.AliasEvent)
        length = len(event.value) if isinstance(event, yaml.ScalarEvent) else 0
        for found, most, what in (
            (self._depth, MAX_DEPTH, "levels"),
            (self._aliases, MAX_ALIASES, "aliases"),
            (length, MAX_TEXT, "characters in one text"),
        ):
            if found > most:
                raise yaml.composer.ComposerError(None, None, f"more than {most:,} {what}", event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
            raise yaml.constructor.ConstructorError(None, None, "<<, which is not read", node.start_mark)
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            texts = Counter(str(key.value) for key, _ in node.value)
            twice = ", ".join(text for text, count in texts.items() if count > 1)
            what = f"{twice or 'a key in two spellings'} stands there twice"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark)
        return mapping
