"""The paper's own numbers, for context: on the official data, which is not ours. Never a reference for a delta.

Source: arXiv 2605.26038, its table of models and its table of supervision methods; percent.
"""

from dataclasses import dataclass

SOURCE = "arXiv 2605.26038"
DRBENCH = "DRBench (official data)"
AVERAGE = "Average (published)"


@dataclass(frozen=True)
class Published:
    """One published row. values: column title → percent."""

    name: str
    values: dict[str, float]


_TITLES = ("MMMU", "MMStar", "RealWorldQA", "HallusionBench", "BLINK", DRBENCH, AVERAGE)
_MODELS = {
    "InternVL2.5 2B": (42.1, 53.8, 60.6, 32.6, 44.2, 32.5, 44.3),
    "InternVL2.5 2B + DRScaffold": (42.1, 52.3, 60.9, 33.8, 42.4, 66.6, 49.7),
    "Qwen2.5-VL 3B": (47.1, 54.2, 65.4, 35.2, 47.9, 35.0, 47.5),
    "Qwen2.5-VL 3B + DRScaffold": (47.1, 54.9, 66.8, 37.3, 48.8, 62.6, 52.9),
    "Phi4-multimodal 5.6B": (54.1, 59.1, 64.4, 25.1, 60.6, 45.8, 51.5),
    "Phi4-multimodal 5.6B + DRScaffold": (54.2, 59.8, 65.4, 34.4, 61.0, 50.7, 54.3),
    "Qwen2.5-VL 32B, frozen": (55.4, 64.3, 68.1, 31.2, 58.1, 44.7, 53.6),
}
_METHODS = {"Answer": (45.3, 55.9), "CoT": (44.3, 57.8), "LLaVA-CoT": (44.3, 57.1), "DRScaffold": (47.1, 62.6)}

MODELS = [Published(name, dict(zip(_TITLES, values, strict=True))) for name, values in _MODELS.items()]
METHODS = [
    Published(f"Qwen2.5-VL 3B, {name}", {"MMMU": mmmu, DRBENCH: drbench}) for name, (mmmu, drbench) in _METHODS.items()
]
