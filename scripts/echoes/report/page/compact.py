"""Numbers and texts in the page: small, and unable to end the element that holds them."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from echoes.io.arrays import Floats, Ints

#: Characters that HTML or JavaScript would take for more than data → how JSON writes them.
_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
#: Number that stands for NaN among 16-bit numbers.
_MISSING = -32768
_LARGEST = 32767
#: Steps of the logarithmic scale of 8-bit numbers; 0 stands for NaN.
_STEPS = 254


@dataclass(frozen=True)
class Packed:
    """An array of numbers as text.

    Parameters
    ----------
    text
        The bytes in base64.
    record
        How the page reads them: ``kind``, and the numbers that give values in their units.
    """

    text: str
    record: Mapping[str, Any]


def pack(values: Floats) -> Packed:
    """Write numbers as 16-bit multiples of one step, which is 1/32767 of the largest one.

    Parameters
    ----------
    values
        Numbers; NaN where there is none.
    """
    largest = float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))
    step = largest / _LARGEST or 1.0
    known = np.isfinite(values)
    codes = np.where(known, np.rint(np.where(known, values, 0.0) / step), _MISSING)
    return Packed(_base64(codes.astype("<i2")), {"kind": "int16", "step": step})


def pack_positive(values: Floats) -> Packed:
    """Write positive numbers in 254 steps of a logarithmic scale, such as expected errors.

    Parameters
    ----------
    values
        Numbers; NaN, and what is not above 0, are left out.
    """
    known = np.isfinite(values) & (values > 0)
    logs = np.log(np.where(known, values, 1.0))
    lowest = float(np.min(logs, initial=np.inf, where=known)) if known.any() else 0.0
    highest = float(np.max(logs, initial=-np.inf, where=known)) if known.any() else 0.0
    step = (highest - lowest) / (_STEPS - 1) or 1.0
    codes = np.where(known, np.rint((logs - lowest) / step) + 1, 0)
    return Packed(
        _base64(codes.astype(np.uint8)), {"kind": "uint8", "lowest": lowest, "step": step}
    )


def pack_places(values: Ints) -> Packed:
    """Write places in a list as unsigned numbers of 16 bits, or of 32 where that is too few."""
    bits = 16 if np.max(values, initial=0) < 2**16 else 32
    return Packed(_base64(values.astype(f"<u{bits // 8}")), {"kind": f"uint{bits}"})


def json_text(value: Any) -> str:
    """Write a value as JSON that is safe inside an element of HTML; what is not finite is null."""
    try:
        text = _dumps(value)
    except ValueError:
        text = _dumps(_finite(value))
    return text.translate(_ESCAPES)


def _dumps(value: Any) -> str:
    # What JSON does not know is a mapping of another kind.
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=dict
    )


def rounded(value: float, digits: int = 4) -> float | None:
    """Round to significant digits, to save space; None for what is not finite."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def _base64(array: np.typing.NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
