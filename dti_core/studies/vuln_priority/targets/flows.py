"""How a value gets from the request to the sink: templates with their calm twins.

`text` is what the request brought, `value` what the sink takes; `$SINK` stands for the sink's lines, which
otherwise follow at the end. `<<risky||calm>>` as in `sinks`; `$WORD` and `$CLASS` are the case's own names.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Flow:
    """One way through a view.

    Parameters
    ----------
    calm : why the calm twin is harmless: a "constant" in place of the value, a "filter" that leaves word
        characters, or "" if only the sink's own safe form can make it so.
    above : code before the view.
    """

    body: str
    calm: Literal["", "constant", "filter"] = ""
    above: str = ""
    sources: tuple[str, ...] = ("query", "form", "json", "header", "cookie", "path")
    role: str = ""


FLOWS = {
    "direct": Flow("value = text"),
    "helper": Flow(
        "value = $WORD(text)",
        "constant",
        above="def $WORD(entry):\n    usual = $BENIGN\n    entry = entry.strip()\n"
        "    return <<entry||usual>>",
    ),
    "container": Flow(
        'box = {"first": text, "second": $BENIGN}\nline = list(box.values())\nvalue = line[<<0||1>>]',
        "constant",
    ),
    "attribute": Flow(
        "held = $CLASS(text, $BENIGN)\nvalue = held.<<first||second>>",
        "constant",
        above="class $CLASS:\n    def __init__(self, first, second):\n"
        "        self.first = first\n        self.second = second",
    ),
    "join": Flow('pieces = [text, $BENIGN]\nvalue = "".join(pieces[<<:1||1:>>])', "constant"),
    "percent_format": Flow('value = "%(<<a||b>>)s" % {"a": text, "b": $BENIGN}', "constant"),
    "swapped_case": Flow("value = <<text.swapcase()||word(text.swapcase())>>", "filter"),
    "base64": Flow(
        'if not re.fullmatch(r"[\\w-]*", text):\n    return "not readable", 400\n'
        "plainer = unbase64(text).decode()\nvalue = <<plainer||word(plainer)>>",
        "filter",
    ),
    "percent_decoded": Flow(
        'if not re.fullmatch(r"[\\w%]*", text):\n    return "not readable", 400\n'
        "value = <<unquote(text)||word(unquote(text))>>",
        "filter",
    ),
    "prefix_gate": Flow(
        'if not text.startswith("ref-"):\n    return "unknown reference", 404\n'
        'value = <<text[4:]||{"ref-": $BENIGN}[text[:4]]>>',
        "constant",
    ),
    "checked_gate": Flow(
        'stem, _, count = text.rpartition(".")\nif count != str(len(stem)):\n    return "misread", 400\n'
        "value = <<stem||word(stem)>>",
        "filter",
    ),
    "role_gate": Flow(
        'value = text if session.get("role") == "<<admin||owner>>" else $BENIGN', "constant", role="admin"
    ),
    "blind": Flow('value = <<text||word(text)>>\n$SINK\nout = "ok"', "filter"),
    "pattern": Flow(
        'if not re.<<search||fullmatch>>(r"\\w+", text):\n    return "not a name", 400\nvalue = text',
        "filter",
    ),
    "allow_list": Flow(
        'known = text in ($BENIGN, "")\nif not known:\n    <<count("unlisted")||return "unknown", 404>>\n'
        "value = text",
        "constant",
    ),
    "digits": Flow('if not text.<<strip||isdigit>>():\n    return "empty", 400\nvalue = text', "filter"),
    "second_order": Flow(
        'if request.method == "POST":\n    KEPT["$N"] = <<text||word(text)>>\n    return "kept"\n'
        'value = KEPT.get("$N", $BENIGN)',
        "filter",
        sources=("form",),
    ),
    "cross_service": Flow('value = ask("$PEER", "/parts/<<label||code>>", text)', "filter"),
    "setting": Flow('value = text\nif SETTINGS["$N"]:\n    $SINK\nelse:\n    out = "off"', "constant"),
    "overwrite": Flow(
        "value = text\n<<if not value:\n    value = $BENIGN||value = $BENIGN>>",
        "constant",
    ),
    "sanitizer": Flow("value = <<$WRONG||$RIGHT>>", "filter"),
    "exception": Flow(
        "known = {1: $BENIGN}\ntry:\n    value = known.get(int(text), $BENIGN)\n"
        "except ValueError:\n    value = <<text||$BENIGN>>",
        "constant",
    ),
    "loop": Flow(
        'value = ""\nfor letter in text:\n    value += letter<<|| if letter.isalnum() else "">>', "filter"
    ),
    "worker": Flow(
        "def work(value):\n    $SINK\n    return out\n\nwith ThreadPoolExecutor(max_workers=1) as pool:\n"
        "    out = pool.submit(work, <<text||word(text)>>).result()",
        "filter",
    ),
    "coroutine": Flow(
        "async def later(entry):\n    await asyncio.sleep(0)\n    return <<text||entry>>\n\n"
        "value = asyncio.run(later($BENIGN))",
        "constant",
    ),
    "decorator": Flow(
        "@$WORD\ndef handle(value):\n    $SINK\n    return out\n\nout = handle(text)",
        "filter",
        above="def $WORD(inner):\n    def run(entry):\n        return inner(<<entry||word(entry)>>)\n\n"
        "    return run",
    ),
    "cached": Flow(
        'value = CACHE.<<get(text, text)||setdefault("$N", text)>>', "constant", above='CACHE["$N"] = $BENIGN'
    ),
    "other_field": Flow(
        'value = <<text||word(text)>> if request.args.get("mode") == "full" else $BENIGN', "filter"
    ),
    "partition": Flow('head, _, tail = text.partition(":")\nvalue = <<tail||word(head)>>', "filter"),
    "json_trip": Flow(
        'packed = json.dumps({"a": text, "b": $BENIGN})\nvalue = json.loads(packed)["<<a||b>>"]', "constant"
    ),
    "context": Flow(
        "g.first, g.second = text, $BENIGN\nvalue = $WORD()",
        "constant",
        above="def $WORD():\n    return g.<<first||second>>",
    ),
    "group": Flow(
        'found = re.match(r"(\\w*)(.*)", text, re.DOTALL)\nvalue = found.group(<<0||1>>)', "filter"
    ),
    "iterator": Flow("stream = iter([text, $BENIGN][::<<1||-1>>])\nvalue = next(stream)", "constant"),
    "file_trip": Flow(
        'page = NOTES / "$N.txt"\npage.write_text(<<text||word(text)>>)\nvalue = page.read_text()', "filter"
    ),
}
