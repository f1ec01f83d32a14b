"""DRBench for lmms-eval: five categories of dense-scene reasoning in three layers (arXiv 2605.26038)."""

__version__ = "0.1.0"
