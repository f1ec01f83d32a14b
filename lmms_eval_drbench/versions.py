"""Versions of what decides a run's numbers; every result file carries them."""

import sys
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("lmms-eval-drbench", "lmms-eval", "torch", "transformers", "peft", "accelerate", "datasets")


def versions() -> dict[str, str]:
    """Package → installed version, `none` where it is not installed; and Python's own."""
    return {"python": sys.version.split()[0]} | {name: _version(name) for name in _PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
