"""What every service of the lab has beside its views: its app, its stores, its small helpers, as text."""

VIEW_IMPORTS = """\
import ast
import asyncio
import csv
import functools
import hashlib
import html
import io
import json
import os
import pickle
import random
import re
import secrets
import shlex
import subprocess
import urllib.request
import xml.sax
import xml.sax.handler
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import jinja2
import yaml
from flask import Blueprint, Response, g, redirect, request, session

from .parts import (
    CACHE, COLUMNS, DESK, DRAFTS, FILES, ITEM, KEPT, LOG, NAMES, NOTES, PARTNER, PASSWORDS, PEOPLE, RECORDS,
    RULES, TOKENS, Entry, Letters, Strict, Unpickler, ask, count, database, hashed, needs, plain, unbase64,
    who, word,
)
from .settings import SETTINGS
"""

PARTS = '''\
import base64
import functools
import hashlib
import importlib
import logging
import os
import pickle
import re
import secrets
import sqlite3
import urllib.request
import xml.sax
from pathlib import Path
from xml.etree import ElementTree

from flask import Response, session

if "LAB_SCRATCH" not in os.environ:
    raise SystemExit("This is vulnerable lab code: it runs only inside the lab's own runner, on loopback.")
SCRATCH = Path(os.environ["LAB_SCRATCH"]).resolve()
HOME = SCRATCH / __package__
FILES, NOTES, DRAFTS = HOME / "files", HOME / "notes", HOME / "drafts"
MARKER = "LAB-MARKER-5d1c"
CACHE, KEPT, PASSWORDS, TOKENS, COUNTS = {}, {}, {}, {}, {}
COLUMNS = {"name": "name", "price": "price"}
RULES = {"half": 50, "full": 100}
PARTNER = "partner.invalid"
RECORDS = {
    "r0": {"owner": "", "note": "open at nine"},
    "r1": {"owner": "ann", "note": "tea"},
    "r2": {"owner": "ben", "note": MARKER},
}
PEOPLE = ElementTree.fromstring(
    "<people><entry><name>ann</name><note>tea</note></entry><entry><name>ben</name><note>coffee</note></entry>"
    f"<staff><note>{MARKER}</note></staff></people>"
)
LOG = logging.getLogger(__package__)


class Note:
    """Leaves a mark that someone got this far."""

    def __call__(self, text):
        with open(os.environ["LAB_CANARY"], "a") as canary:
            canary.write(f"{text}\\n")
        return "noted"

    def __repr__(self):
        return "note"


note = Note()
NAMES = {"__builtins__": {"str": str, "len": len, "abs": abs}, "note": note, "result": 0}


class Entry:
    def __init__(self):
        self.theme, self.letter, self.staff = "off", "off", "off"


class Item:
    name, note = "lamp", MARKER


ITEM = Item()


class Desk:
    def greet(self):
        return "good day"

    def hours(self):
        return "nine to five"

    def close_day(self):
        return MARKER


DESK = Desk()


class Letters(xml.sax.ContentHandler):
    text = ""

    def characters(self, content):
        self.text += content


class Strict(xml.sax.handler.LexicalHandler):
    def startDTD(self, name, public_id, system_id):
        raise xml.sax.SAXException("a document type is not allowed")


FEW = b"\\x80\\x85\\x86\\x87\\x88\\x89\\x8a\\x8c\\x94\\x95"


class Unpickler(pickle._Unpickler):
    """Trees of plain values: no name is looked up, and nothing that was built is used twice."""

    dispatch = {sign: pickle._Unpickler.dispatch[sign] for sign in b"(.0FGIJKLMNSTUVX]ade)lpqrstu}" + FEW}


class Straight(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *asked):
        return None


urllib.request.install_opener(urllib.request.build_opener(Straight))


def hashed(text):
    salt = secrets.token_bytes(16)
    return salt.hex() + hashlib.scrypt(text.encode(), salt=salt, n=2**14, r=8, p=1).hex()


def plain(text):
    return Response(text, mimetype="text/plain")


def word(text):
    return re.sub(r"\\W", "", text)


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def count(what):
    COUNTS[what] = COUNTS.get(what, 0) + 1


def who():
    return session.get("user", "")


def needs(role):
    def wrap(view):
        @functools.wraps(view)
        def inner(*args, **kwargs):
            if session.get("role") not in (role, "admin"):
                return plain("not allowed"), 403
            return view(*args, **kwargs)

        return inner

    return wrap


def ask(service, path, text):
    """What another service of the lab answers; its client stands in for the network."""
    app = importlib.import_module(f"{service}.app").app
    return app.test_client().get(path, query_string={"text": text}).get_json()["text"]


def database():
    link = sqlite3.connect(HOME / "shop.db", isolation_level=None)
    link.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    link.execute("PRAGMA synchronous = OFF")
    return link


def prepare():
    for folder in (FILES, FILES / "sub", NOTES, DRAFTS, SCRATCH / "vault", SCRATCH / "made"):
        folder.mkdir(parents=True, exist_ok=True)
    (FILES / "guide").write_text("a guide")
    (SCRATCH / "vault" / "marker.txt").write_text(MARKER)
    (HOME / "shop.db").unlink(missing_ok=True)
    link = database()
    link.execute("CREATE TABLE goods (name TEXT, price INTEGER)")
    link.execute("CREATE TABLE visits (id TEXT PRIMARY KEY, note TEXT, owner TEXT)")
    link.execute("CREATE TABLE vault (code TEXT)")
    link.executemany("INSERT INTO goods VALUES (?, ?)", [("chair", 90), ("lamp", 30), ("table", 10)])
    link.execute("INSERT INTO vault VALUES (?)", (MARKER,))
    handler = logging.FileHandler(HOME / "service.log")
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    LOG.propagate = False


prepare()
'''

APP = """\
import secrets

from flask import Flask, jsonify, request, session
from werkzeug.exceptions import HTTPException

from . import $VIEWS
from .parts import plain, word

USERS = {"ann": ("ann-lab", "user"), "ben": ("ben-lab", "user"), "ada": ("ada-lab", "admin")}
app = Flask(__name__, static_folder=None)
app.secret_key = secrets.token_bytes(16)
app.config["MAX_CONTENT_LENGTH"] = 65536
app.url_map.merge_slashes = False
for views in ($VIEWS,):
    app.register_blueprint(views.pages)


@app.route("/health")
def health():
    return plain("well")


@app.route("/login", methods=["POST"])
def login():
    user = request.form.get("user", "")
    password, role = USERS.get(user, ("", ""))
    if not password or request.form.get("password", "") != password:
        return plain("unknown"), 401
    session["user"], session["role"] = user, role
    return plain("welcome")


@app.route("/parts/label")
def label():
    return jsonify(text=request.args.get("text", ""))


@app.route("/parts/code")
def code():
    return jsonify(text=word(request.args.get("text", "")))


@app.errorhandler(Exception)
def failed(error):
    if isinstance(error, HTTPException):
        return plain(error.name), error.code
    if isinstance(error, FileNotFoundError):
        return plain("no such page"), 404
    return plain("failed"), 500
"""
