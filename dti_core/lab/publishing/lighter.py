"""What a page sends of a figure, in fewer bytes: digits that no screen shows are left out, pixels packed."""

import base64
import io
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

#: A panel is some hundred pixels wide, so that nobody sees a millionth of it.
DIGITS = 6
_PNG = re.compile(r"(?<=data:image/png;base64,)[A-Za-z0-9+/=]+")


def light_numbers(drawn: Any) -> Any:
    """JSON of a figure with its fractions rounded to `DIGITS` digits; all else as it is.

    Arrays of fractions that plotly packed as bytes become plain lists, which compress better once rounded.
    """
    if isinstance(drawn, float):
        return float(f"{drawn:.{DIGITS}g}")
    if isinstance(drawn, list | tuple):
        return [light_numbers(one) for one in drawn]
    if not isinstance(drawn, Mapping):
        return drawn
    if drawn.get("dtype") in ("f4", "f8") and (values := _unpacked(drawn)) is not None:
        return light_numbers(values)
    return {key: light_numbers(one) for key, one in drawn.items()}


def light_pixels(svg: str) -> str:
    """A picture with each PNG that it carries packed anew; no pixel changes."""
    return _PNG.sub(lambda found: _packed(found[0]), svg)


def _unpacked(packed: Mapping[str, Any]) -> list[Any] | None:
    """The numbers of a packed array in their shape, None if it holds one that JSON has no word for."""
    values = np.frombuffer(base64.b64decode(packed["bdata"]), dtype=f"<{packed['dtype']}").astype(float)
    if not np.isfinite(values).all():
        return None
    shape = [int(one) for one in str(packed.get("shape", len(values))).split(",")]
    found: list[Any] = values.reshape(shape).tolist()
    return found


def _packed(png: str) -> str:
    from PIL import Image

    smaller = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(png)), formats=["PNG"]).save(smaller, "PNG", optimize=True)
    text = base64.b64encode(smaller.getvalue()).decode()
    return min(text, png, key=len)
