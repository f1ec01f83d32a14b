"""Question families of the first procedural world."""

from lmms_eval_drbench.build.questions.draft import FAMILIES
from lmms_eval_drbench.build.questions.procedural_v0 import (  # noqa: F401
    affordance,
    anomaly,
    perception,
    premise,
    spatial,
)

__all__ = ["FAMILIES"]
