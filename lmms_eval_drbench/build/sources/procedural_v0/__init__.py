"""The procedural source: furnished rooms and streets, drawn with Pillow, with exact ground truth."""

from lmms_eval_drbench.build.sources.procedural_v0.layout import compose
from lmms_eval_drbench.build.sources.procedural_v0.render import render

__all__ = ["compose", "render"]
