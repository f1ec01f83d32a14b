"""The blind ledger: what a reader of the text alone could bet on, and how those bets have paid so far.

Every question offers bets: "the option `bus` is right", "of the number of people, 3 is right". A bet that is offered
with chance p gains 1 - p when it is right and loses p when it is wrong, so one that pays nothing stays near zero. A
question that would move a bet beyond `BOUND` (and further than it is) is not asked. This is quality control 1 of the
paper, done while the questions are drawn: what text alone would answer never gets into the data.
"""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import NamedTuple

BOUND = 1.0
"""How far a bet may stray from zero: about one lucky guess. Tighter bounds lock families out: of three set sizes each
must be allowed to come first."""


class Cue(NamedTuple):
    """One bet. key: what is bet on, in which company. right: whether it is right here. chance: of a blind guess."""

    key: Hashable
    right: bool
    chance: float


class Ledger:
    """The bets of one family each, summed up."""

    def __init__(self) -> None:
        self._balance: Counter[tuple[str, Hashable]] = Counter()

    def cost(self, family: str, cues: Iterable[Cue]) -> float | None:
        """How much further from balance these bets would lead (negative: closer), None where one would stray too far.

        Bets on the same thing within one question (or a pair of twins) are added up first.
        """
        change = self._change(family, cues)
        total = 0.0
        for key, delta in change.items():
            before = self._balance[key]
            after = before + delta
            if abs(after) > BOUND and abs(after) > abs(before):
                return None
            total += after * after - before * before
        return total

    def enter(self, family: str, cues: Iterable[Cue]) -> None:
        """Add the bets of a question that is asked."""
        self._balance.update(self._change(family, cues))

    @staticmethod
    def _change(family: str, cues: Iterable[Cue]) -> Counter:
        change: Counter = Counter()
        for cue in cues:
            change[family, cue.key] += (1 - cue.chance) if cue.right else -cue.chance
        return change


def bets(options: Iterable[str], right: Iterable[str], chance: float, *about: str) -> list[Cue]:
    """A bet on every option by itself, and one in the company of everything that the question is about."""
    right = set(right)
    found = []
    for option in options:
        found.append(Cue(option, option in right, chance))
        found += [Cue((subject, option), option in right, chance) for subject in about]
    return found
