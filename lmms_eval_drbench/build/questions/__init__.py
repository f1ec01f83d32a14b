"""Question families: each turns a scene into drafts whose answer, grounding and chain come from the same facts."""

from lmms_eval_drbench.build.questions import affordance, anomaly, perception, premise, spatial  # noqa: F401
from lmms_eval_drbench.build.questions.draft import FAMILIES, Draft, Family, finish

__all__ = ["FAMILIES", "Draft", "Family", "finish"]
