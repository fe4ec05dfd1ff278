"""What the lab's endpoints do with a value: dangerous calls with their safe twins, as a table of templates.

In a template `<<risky||calm>>` stands for twins (more alternatives are further calm ones; line breaks around
them are dropped), `  #!` marks the sink's line and is not written, `$N` is the case's number. A sink reads
`value` and sets `out`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sink:
    """One dangerous call: its weakness, its code, and what flows may do to it.

    Parameters
    ----------
    benign : a value that it takes without harm.
    right, wrong : expressions over `text` that do and do not make a value harmless; "" where there is none.
    plain : a filter for word characters lets the harmful value through, or leaves no value that is of use.
    use : what harms is the call, whatever the value.
    side : harm shows without an answer: in a file, a row, a request.
    """

    cwe: int
    code: str
    benign: str
    right: str = ""
    wrong: str = ""
    plain: bool = False
    use: bool = False
    side: bool = False
    not_from: tuple[str, ...] = ()
    not_through: tuple[str, ...] = ()
    role: str = ""


_BASE = ("os.path.basename(text)", 'text.replace("../", "")')
_BRACES = ('text.replace("{", "")', "html.escape(text)")
_QUOTES = ('text.replace("\'", "\'\'")', "html.escape(text, quote=False)")

SINKS = {
    "sqlite_select": Sink(
        89,
        """query = <<f"SELECT name, price FROM goods WHERE name = '{value}'"
||"SELECT name, price FROM goods WHERE name = ?">>
rows = database().execute(query<<||, (value,)>>).fetchall()  #!
out = plain(json.dumps(rows))""",
        "lamp",
        *_QUOTES,
    ),
    "sqlite_order": Sink(
        89,
        """column = <<value||COLUMNS.get(value, "name")>>
rows = database().execute(f"SELECT name, price FROM goods ORDER BY {column}").fetchall()  #!
out = plain(json.dumps(rows))""",
        "name",
        'text if text.isalpha() else "name"',
        "html.escape(text, quote=False)",
    ),
    "sqlite_insert": Sink(
        89,
        """<<query = f"INSERT OR REPLACE INTO visits VALUES ('$N', '{value}', 'shop')"
||query = "INSERT OR REPLACE INTO visits VALUES ('$N', ?, 'shop')">>
database().execute(query<<||, (value,)>>)  #!
out = plain("kept")""",
        "lamp",
        *_QUOTES,
        side=True,
    ),
    "shell_run": Sink(
        78,
        """limits = {"capture_output": True, "text": True, "timeout": 5}
done = subprocess.run(<<f"echo got {value}", shell=True||["echo", f"got {value}"]>>, **limits)  #!
out = plain(done.stdout)""",
        "lamp",
        "shlex.quote(text)",
        'text.replace(";", "")',
        side=True,
    ),
    "os_popen": Sink(
        78,
        """with os.popen(f"echo got {<<value||shlex.quote(value)>>}") as answer:  #!
    out = plain(answer.read())""",
        "lamp",
        "shlex.quote(text)",
        'text.replace(";", "")',
        side=True,
    ),
    "path_read": Sink(
        22,
        """page = FILES / value
<<out = plain(page.read_text())
||out = plain(page.read_text() if page.resolve().is_relative_to(FILES) else "none")>>  #!""",
        "guide",
        *_BASE,
    ),
    "path_write": Sink(
        22,
        """page = DRAFTS / <<value||os.path.basename(value)>>
page.write_text("note")  #!
out = plain("kept")""",
        "today",
        *_BASE,
        side=True,
    ),
    "html_text": Sink(
        79,
        """out = f"<p>{<<value||html.escape(value)>>}</p>"  #!""",
        "lamp",
        "html.escape(text)",
        'text.replace("<script", "")',
    ),
    "html_field": Sink(
        79,
        """out = f'<input name="q" value="{html.escape(value, quote=<<False||True>>)}">'  #!""",
        "lamp",
        'text.replace(\'"\', "")',
        'text.replace("\'", "")',
    ),
    "jinja_page": Sink(
        79,
        """page = jinja2.Environment(autoescape=<<False||True>>).from_string("<p>{{ entry }}</p>")
out = page.render(entry=value)  #!""",
        "lamp",
        "html.escape(text)",
        'text.replace("<script", "")',
    ),
    "eval_sum": Sink(
        95,
        """out = plain(str(<<eval(value, dict(NAMES))||ast.literal_eval(value)>>))  #!""",
        "7",
        'text if text.isdigit() else "0"',
        'text.replace("__", "")',
        side=True,
    ),
    "exec_rule": Sink(
        94,
        """names = dict(NAMES)
<<exec(value, names)||names["result"] = RULES.get(value, 0)>>  #!
out = plain(str(names.get("result", "")))""",
        "result",
        '"result = " + str(len(text))',
        'text.replace("__", "")',
        side=True,
    ),
    "pickle_loads": Sink(
        502,
        """entry = <<pickle.loads(unbase64(value))||Unpickler(io.BytesIO(unbase64(value))).load()>>  #!
out = plain(type(entry).__name__)""",
        "KGxwMApJMQphLg",
        plain=True,
        side=True,
    ),
    "yaml_load": Sink(
        502,
        """entry = yaml.load(<<value||value.replace("*", "")>>, Loader=yaml.<<UnsafeLoader||SafeLoader>>)  #!
out = plain(type(entry).__name__)""",
        "a: 1",
        're.sub("[!*]", "", text)',
        'text.replace("!!python/object/new", "")',
        side=True,
    ),
    "url_open": Sink(
        918,
        """address = <<value||value if value.startswith(f"https://{PARTNER}/") else "data:,none">>
with urllib.request.urlopen(address, timeout=2) as answer:  #!
    out = plain(answer.read(2000).decode(errors="replace"))""",
        "data:,hello",
        'text if text.startswith(f"https://{PARTNER}/") else "data:,none"',
        'text if PARTNER in text else "data:,none"',
        plain=True,
        side=True,
    ),
    "redirect_to": Sink(
        601,
        """out = redirect(<<value||value if re.fullmatch(r"/[\\w-]*", value) else "/">>)  #!""",
        "/health",
        'text if re.fullmatch(r"/[\\w-]*", text) else "/"',
        'text if text.startswith("/") else "/"',
        not_from=("path",),
    ),
    "sax_parse": Sink(
        611,
        """reader, letters = xml.sax.make_parser(), Letters()
reader.setFeature(xml.sax.handler.feature_external_ges, <<True||False>>)
kind = <<xml.sax.handler.LexicalHandler||Strict>>
reader.setProperty(xml.sax.handler.property_lexical_handler, kind())
reader.setContentHandler(letters)
reader.parse(io.StringIO(value))  #!
out = plain(letters.text)""",
        "<a>tea</a>",
        'text if "<!" not in text else "<a/>"',
        'text.replace("<!ELEMENT", "")',
        plain=True,
        side=True,
    ),
    "jinja_source": Sink(
        1336,
        """page = jinja2.Environment().from_string("Dear " + <<value||"{{ entry }}">>)  #!
out = plain(page.render(entry=value))""",
        "lamp",
        *_BRACES,
    ),
    "format_text": Sink(
        134,
        """out = plain(<<value||"{entry}">>.format(item=ITEM, entry=value))  #!""",
        "lamp",
        *_BRACES,
    ),
    "etree_find": Sink(
        643,
        """<<found = PEOPLE.findall(f"entry[name='{value}']")
||found = [one for one in PEOPLE.findall("entry") if one.findtext("name") == value]
>>  #!
out = plain(" ".join(one.findtext("note") for one in found))""",
        "ann",
        'text.replace("\'", "")',
        "html.escape(text, quote=False)",
    ),
    "weak_hash": Sink(
        327,
        """<<token = hashlib.md5(value.encode()).hexdigest()
||salt = secrets.token_bytes(16)
token = salt.hex() + hashlib.scrypt(value.encode(), salt=salt, n=2**14, r=8, p=1).hex()
||token = hashlib.md5(__name__.encode()).hexdigest()[:2] + hashed(value)
||token = hashed(value) + hashlib.md5(__name__.encode(), usedforsecurity=False).hexdigest()[:2]
>>  #!
PASSWORDS["$N"] = token
out = plain("kept")""",
        "lamp",
        use=True,
    ),
    "random_token": Sink(
        330,
        """<<token = "%016x" % random.Random(value).getrandbits(64)
||token = secrets.token_hex(16)
||token = secrets.token_hex(16 + random.Random(value).randrange(4))
>>  #!
TOKENS["$N"] = token
out = plain(json.dumps({"ticket": token}))""",
        "lamp",
        use=True,
    ),
    "log_line": Sink(
        117,
        """LOG.info("seen %s", <<value||repr(value)>>)  #!
out = plain("noted")""",
        "lamp",
        "repr(text)",
        'text.replace("\\r", "")',
        side=True,
        not_from=("header", "path"),
    ),
    "csv_cell": Sink(
        1236,
        """sheet = io.StringIO()
csv.writer(sheet<<||, quoting=csv.QUOTE_ALL>>).writerow([<<value||"'" + value>>, 1])  #!
out = Response(sheet.getvalue(), mimetype="text/csv")""",
        "lamp",
        're.sub(r"[^\\w ]", "", text)',
        "html.escape(text)",
    ),
    "set_attribute": Sink(
        915,
        """entry = Entry()
<<setattr(entry, value, "on")||setattr(entry, value if value in ("theme", "letter") else "theme", "on")>>  #!
out = plain(json.dumps(vars(entry)))""",
        "theme",
        plain=True,
    ),
    "call_by_name": Sink(
        470,
        """action = getattr(DESK, <<value||value if value in ("greet", "hours") else "hours">>)  #!
out = plain(action())""",
        "greet",
        plain=True,
    ),
    "record_read": Sink(
        639,
        """record = RECORDS.get(value, {})
out = plain(json.dumps(record<<|| if record.get("owner") in ("", who()) else {}>>))  #!""",
        "r0",
        plain=True,
        not_through=("worker", "role_gate"),
        role="user",
    ),
}
