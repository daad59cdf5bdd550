"""What a package answers: found by running it, and never written by hand."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

PEERS = {
    "krippendorff": "krippendorff",
    "statsmodels": "statsmodels",
    "pingouin": "pingouin",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
}
"""Name -> module."""
LONGEST_MESSAGE = 70


@dataclass(frozen=True)
class Found:
    """A number with what else the package gives beside it."""

    value: float
    low: float | None = None
    high: float | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    value: float | None
    """None where it raised or gave NaN, which the remarks say."""
    low: float | None = None
    high: float | None = None
    remarks: tuple[str, ...] = ()
    warned: bool = False


Ask = Callable[[], Found | float]


def installed() -> tuple[str, ...]:
    return tuple(name for name, module in PEERS.items() if find_spec(module) is not None)


def asked(call: Ask) -> Answer:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = call()
        except ImportError:
            raise
        except Exception as error:  # whatever a package raises is what there is to say of it
            return Answer(None, remarks=(f"raises {_shortened(error)}",))
    found = answer if isinstance(answer, Found) else Found(float(answer))
    kinds = sorted({one.category.__name__ for one in caught if _concerns_the_value(one.category)})
    if math.isfinite(found.value):
        return Answer(found.value, found.low, found.high, found.remarks, bool(kinds))
    how = f"and warns ({', '.join(kinds)})" if kinds else "without a warning"
    return Answer(None, remarks=(*found.remarks, f"returns NaN {how}"), warned=bool(kinds))


def _concerns_the_value(category: type[Warning]) -> bool:
    """Not that something is deprecated."""
    return issubclass(category, RuntimeWarning | UserWarning)


def _shortened(error: Exception) -> str:
    message = " ".join(str(error).split()).replace("|", "/")
    if len(message) > LONGEST_MESSAGE:
        message = message[:LONGEST_MESSAGE].rsplit(" ", 1)[0] + " ..."
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
