"""How a number that a chapter takes from its run reads on the page, also where the run lacked data."""

import re

from docutils import nodes
from myst_nb.ext.glue.roles import PasteTextRole

#: What stands in the place of a number that rests on a file which the run did not find.
LACKING = "not run here"
_NO_NUMBER = re.compile(r"\s*[+-]?nan%?\s*")


class GluedText(PasteTextRole):
    """The role {glue:text}, in which NaN, whatever its format, is `LACKING`; see `lab.keep.glued`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The value as its format has it."""
        made, messages = super().run()
        if [node for node in made if _NO_NUMBER.fullmatch(node.astext())]:
            made = [nodes.inline(LACKING, LACKING, classes=["pasted-text"])]
        return made, messages
