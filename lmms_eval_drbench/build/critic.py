"""The critic: a reader of the text alone that sits beside the builder, so that no family lets it win.

It is taught on pilots, questions about other pictures of the same source: first on one that nobody criticised, then on
one that the first reading did, for what that missed. How likely a reading calls an option becomes one more bet in the
builder's ledger: of the options that it likes as much, as many must be right as of any others. (Balancing on such a
propensity score balances all that the score is made of; letting the critic win no more often than lose would not: what
it wins where it is sure, another reader could win where this one is mistaken.) This is the paper's visual filtering,
done while questions are drawn. Open questions are left alone: of a family's two answers the likelier one would be
dropped until the other was certain.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from lmms_eval_drbench.build.blind import Readers
from lmms_eval_drbench.build.builder import Builder
from lmms_eval_drbench.build.ledger import Cue
from lmms_eval_drbench.build.questions.annotated import View
from lmms_eval_drbench.build.questions.draft import Draft, Family
from lmms_eval_drbench.build.scene import Scene
from lmms_eval_drbench.build.sources.base import AnnotatedSource, Unusable
from lmms_eval_drbench.record import option_letters
from lmms_eval_drbench.taxonomy import QuestionType

PILOT = 1500
"""Scenes of a pilot, at most, with `_PER_SCENE` questions each."""
ROUNDS = 2
"""Pilots, each criticised by what the ones before it taught."""
_PER_SCENE = 5
BET = "critic"
_GRADES = 8
"""Grades of liking that are told apart."""


class Critic:
    """What taught readers make of drafts. It begins with none and has nothing to say."""

    def __init__(self) -> None:
        self._readings: list[Readers] = []

    def learn(self, records: Sequence[dict[str, Any]]) -> None:
        """One reader more, taught on these."""
        self._readings.append(Readers([_sorted(record) for record in records]))

    def cues(self, draft: Draft, family: Family) -> list[Cue]:
        """A bet of every reader on every option of a choice question, by how much it likes it; none for an open one."""
        if draft.type is QuestionType.OPEN_ENDED:
            return []
        options = sorted(draft.options)
        record = {"family": family.name, "question": draft.question, "options": options}
        single = draft.type is QuestionType.SINGLE_CHOICE
        share = 1 / len(options) if single else 0.5
        found = []
        for number, reading in enumerate(self._readings):
            likely = reading.likely(record)
            if single:
                likely = likely / max(likely.sum(), 1e-9)
            found += [
                Cue((BET, number, len(options), int(value * _GRADES)), option in draft.right, share)
                for option, value in zip(options, likely, strict=True)
            ]
        return found


def taught(source: AnnotatedSource, families: Sequence[Family]) -> Critic:
    """A critic of a source's questions; the same for every split and seed."""
    critic = Critic()
    scenes = list(islice(_pilot(source), PILOT * ROUNDS))
    for number in range(ROUNDS):
        own = scenes[number::ROUNDS]
        builder = Builder(_PER_SCENE * len(own), 0, "train", families=families, critic=critic)
        critic.learn([record for scene in own for record in builder.ask(scene, _PER_SCENE, set(), View(scene))])
    return critic


def _pilot(source: AnnotatedSource) -> Iterator[Scene]:
    for image_id in source.pilot():
        with suppress(Unusable):
            yield source.scene(image_id)


def _sorted(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its options in alphabetical order, as drafts, whose options have no order yet, are shown too."""
    if not record["options"]:
        return record
    texts = dict(zip(option_letters(record), record["options"], strict=True))
    right = {texts[letter] for letter in record["answer"]}
    ordered = record | {"options": sorted(record["options"])}
    letters = zip(option_letters(ordered), ordered["options"], strict=True)
    return ordered | {"answer": [letter for letter, option in letters if option in right]}
