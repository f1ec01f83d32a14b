"""Question families for annotated pictures: photographs and renders whose objects have names and boxes."""

from lmms_eval_drbench.build.questions.annotated import (  # noqa: F401
    affordance,
    anomaly,
    perception,
    premise,
    scene_anomaly,
    spatial,
    surfaces,
)
from lmms_eval_drbench.build.questions.annotated.craft import FAMILIES
from lmms_eval_drbench.build.questions.annotated.view import View

__all__ = ["FAMILIES", "View"]
