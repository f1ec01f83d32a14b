"""The blind ledger: what a reader of the text alone could bet on, and how those bets have paid so far.

Every question offers bets: "the option `bus` is right", "of the number of people, 3 is right". A bet that is offered
with chance p gains 1 - p when it is right and loses p when it is wrong, so one that pays nothing stays near zero. A
question that would move a bet out of its band (and further than it is) is not asked. This is quality control 1 of the
paper, done while the questions are drawn: what text alone would answer never gets into the data.

The band is a part of what luck does to a bet that pays nothing: after n bets with chance p it strays by about
sqrt(n p (1 - p)). A band that stays narrow for ever would give a reader that learns from one part of the data the
opposite of what holds in the other: it ends below chance, as far as one without any band ends above.
"""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import NamedTuple

BOUND = 1.0
"""Half of the band at its narrowest: about one lucky guess. Tighter bounds lock families out: of three set sizes each
must be allowed to come first."""
LUCK = 0.15
"""How many standard deviations of pure luck the band grows by."""


class Cue(NamedTuple):
    """One bet. key: what is bet on, in which company. right: whether it is right here. chance: of a blind guess."""

    key: Hashable
    right: bool
    chance: float


class Ledger:
    """The bets of one family each, summed up."""

    def __init__(self) -> None:
        self._balance: Counter[tuple[str, Hashable]] = Counter()
        self._variance: Counter[tuple[str, Hashable]] = Counter()

    def cost(self, family: str, cues: Iterable[Cue]) -> float | None:
        """How much further out of their bands these bets would lead (negative: back), None where one would leave it.

        Bets on the same thing within one question (or a pair of twins) are added up first.
        """
        total = 0.0
        for key, (delta, _) in self._change(family, cues).items():
            before = self._balance[key]
            after = before + delta
            luck = LUCK * self._variance[key] ** 0.5
            if abs(after) > BOUND + luck and abs(after) > abs(before):
                return None
            total += max(0.0, abs(after) - luck) ** 2 - max(0.0, abs(before) - luck) ** 2
        return total

    def enter(self, family: str, cues: Iterable[Cue]) -> None:
        """Add the bets of a question that is asked."""
        for key, (delta, variance) in self._change(family, cues).items():
            self._balance[key] += delta
            self._variance[key] += variance

    @staticmethod
    def _change(family: str, cues: Iterable[Cue]) -> dict[tuple[str, Hashable], tuple[float, float]]:
        change: dict = {}
        for cue in cues:
            delta, variance = change.get((family, cue.key), (0.0, 0.0))
            gain = (1 - cue.chance) if cue.right else -cue.chance
            change[family, cue.key] = delta + gain, variance + cue.chance * (1 - cue.chance)
        return change


def bets(options: Iterable[str], right: Iterable[str], chance: float, *about: str) -> list[Cue]:
    """A bet on every option by itself, and one in the company of everything that the question is about."""
    right = set(right)
    found = []
    for option in options:
        found.append(Cue(option, option in right, chance))
        found += [Cue((subject, option), option in right, chance) for subject in about]
    return found
