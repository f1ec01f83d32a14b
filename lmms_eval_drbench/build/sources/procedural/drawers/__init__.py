"""How each kind is drawn. A drawer fills the design grid of its kind to all four edges: that is what its box says."""

from collections.abc import Callable

DRAWERS: dict[str, Callable] = {}


def draws(*names: str):
    """Register a drawer, called with the pen and the piece, for these kinds."""

    def register(drawer: Callable) -> Callable:
        for name in names:
            DRAWERS[name] = drawer
        return drawer

    return register


def load() -> dict[str, Callable]:
    """All drawers by kind."""
    from lmms_eval_drbench.build.sources.procedural.drawers import (  # noqa: F401
        animals,
        fixtures,
        furniture,
        gadgets,
        household,
        luggage,
        street,
        tableware,
        vehicles,
    )

    return DRAWERS
