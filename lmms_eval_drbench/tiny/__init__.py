"""A tiny model of the real Qwen2.5-VL class, so that the whole loop runs on a CPU, offline, in minutes."""

from pathlib import Path

PACKAGED = Path(__file__).parents[1] / "assets" / "tiny"
"""The trained tiny model that ships with this package."""
