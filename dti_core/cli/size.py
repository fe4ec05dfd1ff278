"""Ask what holds for your own size, from the frozen records, offline."""

import inspect
import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from dti_core.book.sizes import QUESTIONS
from dti_core.book.sizes.answers import Input, Question, ways
from dti_core.cli import display
from dti_core.cli.display import say

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
_KINDS = {"int": int, "float": float, "str": str}
_Json = Annotated[bool, typer.Option("--json", help="For machines.")]
#: Keys of a record that are listed; --json lists all.
_MOST_KEYS = 8


def _command(question: Question) -> Callable[..., None]:
    """The command of a question, whose options are its inputs."""

    def ask(as_json: bool, **given: Any) -> None:
        lines = question.ask(**given)
        if as_json:
            asked = {name: one if one != float("inf") else "inf" for name, one in given.items()}
            told = {"question": question.name, "asked": asked, "answers": [one.machine() for one in lines]}
            typer.echo(json.dumps(told, indent=1, allow_nan=False))
            return
        rows = [(one.says, one.text, one.unit, one.grade) for one in lines]
        title = f"{question.title} {question.words(given)}"
        display.table(title, ["answer", "value [interval]", "unit", "grade"], rows)
        for (how, source), says in ways(lines).items():
            say(f"{'; '.join(says)}: {how}. From {source}.")
        keys = list(dict.fromkeys(key for one in lines for key in one.keys))
        more = f" and {len(keys) - _MOST_KEYS} more, all by --json" if len(keys) > _MOST_KEYS else ""
        say(f"In the record: {', '.join(keys[:_MOST_KEYS])}{more}.")
        say(f"Not covered: {question.uncovered}")

    parameters = [_option(name, one) for name, one in question.inputs.items()]
    parameters.append(inspect.Parameter("as_json", _BY_NAME, default=False, annotation=_Json))
    ask.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    ask.__annotations__ = {one.name: one.annotation for one in parameters}
    return ask


_BY_NAME = inspect.Parameter.KEYWORD_ONLY


def _option(name: str, one: Input) -> inspect.Parameter:
    option = typer.Option(... if one.default is None else one.default, help=one.help)
    return inspect.Parameter(name, _BY_NAME, default=option, annotation=_KINDS[one.kind])


for _question in QUESTIONS.values():
    app.command(_question.name, help=f"{_question.title} {_question.text}")(_command(_question))
