"""A reader of the text alone: what can be answered without the picture is no question about it.

A logistic regression over hashed words judges every option by itself, its company and its place among the options, all
in the company of the question's words; every family has its own. It is trained on other pictures' questions (a training
split, or the other folds of the same data), so what it gets right beyond chance is what the texts give away.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import SGDClassifier
from sklearn.utils import murmurhash3_32

from lmms_eval_drbench.answers import Answer
from lmms_eval_drbench.answers.phrases import words
from lmms_eval_drbench.record import option_letters
from lmms_eval_drbench.scoring import is_right
from lmms_eval_drbench.taxonomy import QuestionType

FOLDS = 5
_FEATURES = 2**18
_PASSES = 15
"""Passes of the stochastic descent over the training questions."""

Record = Mapping[str, Any]


def blind_scores(records: Sequence[Record], training: Sequence[Record] | None = None) -> list[float]:
    """1.0 where the reader answers a question, 0.0 where it doesn't, in the order of `records`.

    training: questions about other pictures. Without them the records are divided into `FOLDS` by picture, and each
    fold is read by a reader that was trained on the others.
    """
    if training is not None:
        return Readers(training).scores(records)
    images = sorted({record["image_id"] for record in records})
    fold_of = {image: number % FOLDS for number, image in enumerate(images)}
    scores = [0.0] * len(records)
    for fold in range(FOLDS):
        inside = [index for index, record in enumerate(records) if fold_of[record["image_id"]] == fold]
        outside = [record for record in records if fold_of[record["image_id"]] != fold]
        if inside and outside:
            for index, value in zip(inside, Readers(outside).scores([records[i] for i in inside]), strict=True):
                scores[index] = value
    return scores


class _Reader:
    def __init__(self) -> None:
        self.hasher = FeatureHasher(_FEATURES, input_type="string", alternate_sign=False)
        self.options: Any = None
        self.open_ended: Any = None

        self._weights: dict[str, float] = {}

    def judge(self, rows: list[list[str]]) -> np.ndarray:
        """Probability that each option is right; a half where nothing was learned.

        The builder asks for every draft, so weights are looked up by word: scikit-learn's checks would cost most.
        """
        if self.options is None:
            return np.full(len(rows), 0.5)
        sums = [sum(map(self._weight, row)) for row in rows]
        return 1 / (1 + np.exp(-np.clip(np.array(sums) + self.options.intercept_[0], -30, 30)))

    def _weight(self, feature: str) -> float:
        """A feature's weight, at the place where `FeatureHasher` puts it."""
        if feature not in self._weights:
            place = abs(murmurhash3_32(feature, seed=0)) % _FEATURES
            self._weights[feature] = float(self.options.coef_[0, place])
        return self._weights[feature]


class Readers:
    """A reader for every family, and one for the families that the training never met (under the empty name)."""

    def __init__(self, records: Sequence[Record]) -> None:
        of_family: dict[str, list[Record]] = {"": list(records)}
        for record in records:
            of_family.setdefault(record["family"], []).append(record)
        self._of_family = {name: _train_one(some) for name, some in of_family.items()}

    def scores(self, records: Sequence[Record]) -> list[float]:
        """1.0 where a question is answered right, 0.0 where not, in the order of `records`."""
        return [float(is_right(record, _answer(self._reader(record), record))) for record in records]

    def likely(self, record: Record) -> np.ndarray:
        """How likely each option of a choice question is right, on its own."""
        return self._reader(record).judge(option_features(record))

    def _reader(self, record: Record) -> _Reader:
        return self._of_family.get(record["family"], self._of_family[""])


def _train_one(records: Sequence[Record]) -> _Reader:
    reader = _Reader()
    rows, right = [], []
    for record in records:
        for letter, features in zip(option_letters(record), option_features(record), strict=True):
            rows.append(features)
            right.append(letter in record["answer"])
    if len(set(right)) == 2:
        model = SGDClassifier("log_loss", alpha=1e-4, max_iter=_PASSES, tol=None, random_state=0)
        reader.options = model.fit(reader.hasher.transform(rows), right)
    asked = [record for record in records if record["question_type"] == QuestionType.OPEN_ENDED]
    answers = [record["answer"][0] for record in asked]
    if len(set(answers)) > 1:
        model = SGDClassifier("log_loss", alpha=1e-4, max_iter=_PASSES, tol=None, random_state=0)
        reader.open_ended = model.fit(reader.hasher.transform(_question_features(r) for r in asked), answers)
    return reader


def _answer(reader: _Reader, record: Record) -> Answer:
    if record["question_type"] == QuestionType.OPEN_ENDED:
        if reader.open_ended is None:
            return Answer(None, "", "blind")
        guess = reader.open_ended.predict(reader.hasher.transform([_question_features(record)]))[0]
        return Answer(None, str(guess), "blind")
    chances = reader.judge(option_features(record))
    letters = np.array(option_letters(record))
    best = {str(letters[int(chances.argmax())])}
    if record["question_type"] == QuestionType.SINGLE_CHOICE:
        return Answer(frozenset(best), None, "blind")
    return Answer(frozenset(set(map(str, letters[chances >= 0.5])) or best), None, "blind")


def _question_features(record: Record) -> list[str]:
    said = words(record["question"])
    pairs = [f"{one} {other}" for one, other in zip(said, said[1:], strict=False)]
    return [*said, *pairs, f"family {record['family']}"]


def option_features(record: Record) -> list[list[str]]:
    """For each option everything that its text, its place, its rivals and the question could tell."""
    about = _question_features(record)
    rows = []
    lengths = sorted(len(option) for option in record["options"])
    for place, option in enumerate(record["options"]):
        own = [f"is {option}", *[f"has {word}" for word in words(option)]]
        row = [*own, f"place {place}", f"length rank {lengths.index(len(option))}"]
        row += [f"{option} against {other}" for other in record["options"] if other != option]
        row += [f"{mine} asked {theirs}" for mine in own for theirs in about]
        if all(other.isdigit() for other in record["options"]):
            row.append(f"rank {sorted(map(int, record['options'])).index(int(option))}")
        rows.append(row)
    return rows
