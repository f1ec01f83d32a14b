"""The page's plots as files for a paper: each as SVG and as PNG at 288 dots an inch."""

import re
from pathlib import Path

from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.report import plots, training
from lmms_eval_drbench.report.canvas import Canvas
from lmms_eval_drbench.report.comparison import Comparison

_WIDTH = 640


def draw(comparison: Comparison) -> dict[str, Canvas]:
    """Every plot of a comparison, by the name of its file."""
    found: dict[str, Canvas] = {}
    for suite in comparison.suites:
        if suite.is_layered:
            found[f"levels-{suite.base}"] = plots.levels(comparison, suite, _WIDTH)
            changed = [variant for variant in suite.variants if variant.change and not suite.is_control]
            found |= {f"flips-{suite.base}-{v.entry.name}-{v.prompt}": plots.flips(v, _WIDTH) for v in changed}
    retained = plots.retention(comparison, _WIDTH)
    if retained is not None:
        found["retention"] = retained
    for entry in comparison.entries:
        trained = training.read(entry)
        if trained is not None:
            found[f"loss-{entry.name}"] = plots.loss(trained, plots.role_of(comparison, entry.name), _WIDTH)
    return found


def save(comparison: Comparison, folder: str | Path) -> list[Path]:
    """Write every plot into a folder, and return the files. Raises UserError when that can't be done.

    Names of runs become file names without anything but letters, digits, dots, dashes and underscores.
    """
    folder, written = Path(folder), []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, canvas in draw(comparison).items():
            file = _unused(folder, re.sub(r"[^A-Za-z0-9._-]+", "_", name), written)
            file.write_text(canvas.svg(), encoding="utf-8")
            file.with_suffix(".png").write_bytes(canvas.png())
            written += [file, file.with_suffix(".png")]
    except OSError as error:
        raise UserError(f"cannot write figures to {folder}: {error}") from error
    return written


def _unused(folder: Path, stem: str, written: list[Path]) -> Path:
    """Two runs whose names differ only in what file names can't hold get a number."""
    file, number = folder / f"{stem}.svg", 1
    while file in written:
        number += 1
        file = folder / f"{stem}-{number}.svg"
    return file
