"""A tiny model of the real Qwen2.5-VL class, so that the whole loop runs on a CPU, offline, in minutes."""

from pathlib import Path

PACKAGED = Path(__file__).parents[1] / "assets" / "tiny"
"""The trained tiny model that ships with this package."""


def named(model: str) -> str:
    """A model as a command line names it: `packaged` is the tiny model's folder, anything else stays as it is."""
    return str(PACKAGED) if model == "packaged" else model
