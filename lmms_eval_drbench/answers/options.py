"""A record's options, recognised by their texts: alone, in a list, after their letter, or within a sentence."""

import re
from collections.abc import Mapping
from typing import Any

from lmms_eval_drbench.answers import letters as lettering
from lmms_eval_drbench.answers.asked import EMPTY, asking
from lmms_eval_drbench.answers.phrases import FUNCTION_WORDS, NEGATIONS, PLACES, expanded, negates, root, tokens, words
from lmms_eval_drbench.record import option_letters
from lmms_eval_drbench.taxonomy import QuestionType

_ALL = frozenset(
    {
        ("all",),
        *(("all", count) for count in "3456"),
        ("all", "of", "above"),
        ("all", "of", "them"),
        ("all", "option"),
        ("all", "of", "these"),
    }
)
_SEPARATORS = (r"\n|;|,|、", r"\n|;|,\s*and\b|,|、|\band\b|\bas well as\b|&|和|与|以及|及")
"""What separates the items of a list; "and" only where the options themselves allow it ("salt and pepper")."""
_POSTURE = frozenset(
    tokens(
        "stand standing sit sitting lie lying hang hanging placed located positioned found seen parked can be you see"
    )
)
_TRAILING_LETTER = re.compile(r"\s[(\[](?:option\s)?([A-Za-z])[)\]]\W*$", re.IGNORECASE)
_EXPLANATION = re.compile(r"\s[–—-]\s|[:;(]|,\s|\.\s|\s(?:because|since|as)\b")
_CROSS = re.compile(r"[\u2717\u2718\u274c\u2715\u2716]|\b(?:wrong|incorrect|false)\b", re.IGNORECASE)
_OPINION = re.compile(r"^\s?我?(?:认为|觉得|想|猜)?(?:应该|可能|大概)?是")
_NO_MARK = re.compile(r"[\u2717\u2718\u274c\u2715\u2716]")
_PAIR = re.compile(r"(?<![\w'])([A-H])\s?[(\[]([^()\[\]]{1,80})[)\]]")
"""`B (a rabbit)`"""
_MAX_TEXT = 2000

ODD = frozenset(
    tokens(
        "strange unusual odd abnormal anomalous anomaly wrong weird unexpected inconsistent unrealistic "
        "impossible out abnormality"
    )
)
"""What questions about anomalies ask for."""
_WRONG = frozenset({"wrong", "incorrect", "false", "untrue"})
_CONTRADICTING = re.compile(
    r"\b(?:statements?|claims?|sentences?)\b[^.?!]{0,60}\b(?:contradicts?|disagrees?|wrong|incorrect|false|untrue|mistaken)\b",
    re.IGNORECASE,
)
_SUBORDINATE = re.compile(r"\b(?:where|when|without|with no)\b[^,?]*(?:, (?:\w+ )?or\b[^,?]*)?", re.IGNORECASE)
"""`with no need to open it`, `where it doesn't belong`: not what something is not true of."""
_SIDE = {"left", "right"}
_STATEMENTS = frozenset(tokens("statement claim sentence caption description"))
_ASKED_FOR_DENIAL = _WRONG | {"not", "except", "isn't", "aren't"}


class Options:
    """Letters and texts of a choice question. Texts are normalised as far as they stay distinct."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.record = record
        self.letters = option_letters(record)
        self.asking = asking(record["question"])
        self.single = record["question_type"] == QuestionType.SINGLE_CHOICE
        texts = record["options"]
        is_distinct = len({tokens(text) for text in texts}) == len(texts)
        is_labelled = any(re.search(r"\s[A-H]$", text) for text in texts)  # "Building A": no article
        self.normal = (
            (lambda text: tokens(expanded(text)))
            if is_distinct and not is_labelled
            else (lambda text: tuple(words(expanded(text))))
        )
        if forms := _forms(record["question"], texts):
            plain = self.normal
            self.normal = lambda text: tuple(forms.get(word, word) for word in plain(text))
        self.written = dict(zip(self.letters, texts, strict=True))
        self._keys = {self.normal(text): letter for letter, text in self.written.items()}
        self._keys.pop((), None)
        self._compounds = {"".join(key): letter for key, letter in self._keys.items()}
        """`screwdriver`, also written `screw driver`."""
        self.texts = {letter: key for key, letter in self._keys.items()}

    def by_text(self, text: str) -> frozenset[str] | None:
        """The letters whose option texts `text` is: one, or several in a list where several may be chosen."""
        if len(text) > _MAX_TEXT or self.contradicts(text) or _NO_MARK.search(text):
            return None
        whole = self._key(text)
        if whole in self._keys:
            return frozenset({self._keys[whole]})
        if (letter := self._compounds.get("".join(whole))) is not None:
            return frozenset({letter})
        if self.single:
            return None
        if whole in _ALL:
            return frozenset(self.letters)
        return next(filter(None, (self._list(text, separator) for separator in _SEPARATORS)), None)

    def exact(self, text: str) -> str | None:
        """The letter of the option whose text this is."""
        return self._keys.get(self._key(text))

    def by_line(self, text: str) -> str | None:
        """The letter of `a red mug` or of `B. a red mug`; None where letter and text disagree."""
        key = self._key(text)
        if key in self._keys:
            return self._keys[key]
        head = lettering.led(text)
        if head and head[0] in self.letters and self._starts(head[1], head[0]):
            return head[0]
        pair = _PAIR.fullmatch(lettering.strip_markup(text).strip(" .,;:"))
        if pair and self._keys.get(self._key(pair.group(2))) == pair.group(1):
            return pair.group(1)
        tail = _TRAILING_LETTER.search(text[-40:])
        if tail and self._keys.get(self._key(text[: len(text) - len(tail.group())])) == tail.group(1).upper():
            return tail.group(1).upper()
        return None

    def _starts(self, text: str, letter: str) -> bool:
        """Whether `text` is an option's text, or the start of it alone, as a token limit leaves it."""
        given = self._key(text)
        own = " ".join(self.texts.get(letter, ()))
        return given == self.texts.get(letter) or (len(text) > 2 and bool(given) and own.startswith(" ".join(given)))

    def by_item(self, line: str) -> str | None:
        """The letter of a list's item, explained or not: `B) one-way sign – a blue arrow`; None where it is denied."""
        head = lettering.led(line)
        if head is None or head[0] not in self.letters or self.contradicts(line):
            return None
        named = self.normal(_EXPLANATION.split(head[1], maxsplit=1)[0])
        is_denied = any(map(negates, self.mentions(head[1])[1]))
        return head[0] if self._keys.get(named) == head[0] and not is_denied and not _CROSS.search(line) else None

    def contradicts(self, text: str) -> bool:
        """Whether `text` is a letter with another option's text: `A. a blue bowl` when that is option B."""
        if any(self._keys.get(self.normal(text), letter) != letter for letter, text in _PAIR.findall(text[:_MAX_TEXT])):
            return True
        head = lettering.led(text)
        if head is None or head[0] not in self.letters:
            return False
        named = re.split(r"\n|[.!?](?:\s|$)", head[1], maxsplit=1)[0]
        return self._keys.get(self.normal(named), head[0]) != head[0]

    def lists_more(self, text: str, found: frozenset[str]) -> bool:
        """Whether `text` holds valid letters beyond those found at its start."""
        return bool(lettering.marked(text, self.letters) - found)

    @property
    def asks_for_denial(self) -> bool:
        """Whether the question asks what is wrong or not so, so that "B is wrong" may be an answer."""
        return bool(_ASKED_FOR_DENIAL & set(words(self.asking)))

    @property
    def asks_what_is_wrong(self) -> bool:
        return bool(_WRONG & set(words(self.asking)) or _CONTRADICTING.search(self.record["question"]))

    @property
    def asks_what_is_false(self) -> bool:
        """Whether a true statement is none of the answers: `Which are wrong?`, `Which are not true?`."""
        asked = set(words(expanded(self.asking)))
        return self.asks_what_is_wrong != bool(NEGATIONS & asked) and (
            self.asks_what_is_wrong or bool({"true", "correct", "accurate", "match", "agree", "fit", "hold"} & asked)
        )

    @property
    def asks_for_statements(self) -> bool:
        return bool(_STATEMENTS & set(tokens(self.record["question"])))

    @property
    def none(self) -> str | None:
        """The letter of `none of them`."""
        return next((letter for letter, text in self.texts.items() if text[:1] in (("none",), ("nothing",))), None)

    @property
    def all(self) -> str | None:
        """The letter of an option such as `a fork and a knife, so all of the above`."""
        return next((letter for letter, text in self.texts.items() if " ".join(text[-3:]) == "all of above"), None)

    @property
    def asks_what_is_not(self) -> bool:
        """Whether the question asks which options something is not true of: `Which of these is NOT visible?`."""
        asked = set(words(expanded(main_clause(self.asking))))
        return bool((NEGATIONS | {"nothing", "missing", "lack", "lacks", "absent"}) & asked)

    @property
    def asks_for_oddity(self) -> bool:
        return bool(ODD & set(tokens(self.record["question"])))

    def names_more(self, text: str, found: frozenset[str]) -> bool:
        """Whether `text` names options beyond those found, by letter or by text."""
        return self.lists_more(text, found) or bool(self.mentions(text)[0] - found)

    def is_restated(self, text: str) -> bool:
        """Whether `text` is every option on a line of its own, letter first: the question's list, not an answer."""
        heads = [lettering.led(line) for line in text.splitlines()[: len(self.letters)]]
        return [head[0] for head in heads if head] == self.letters

    def are_letters_themselves(self, letters: frozenset[str]) -> bool:
        """Whether an option's text is itself a single letter, so that a bare letter must mean the option's letter."""
        return any(len(key) == 1 and len(key[0]) == 1 for key, letter in self._keys.items() if letter in letters)

    def mentions(self, text: str) -> tuple[frozenset[str], set[str]]:
        """(letters whose option text occurs in `text`, the words left over); longer option texts first."""
        rest: list[str | None] = list(self.normal(text[:_MAX_TEXT]))
        found = set()
        for key, letter in sorted(self._keys.items(), key=lambda item: -len(item[0])):
            for start in range(len(rest) - len(key) + 1):
                if tuple(rest[start : start + len(key)]) == key:
                    found.add(letter)
                    rest[start : start + len(key)] = [None] * len(key)
        return frozenset(found), {word for word in rest if word is not None}

    def by_part(self, text: str) -> frozenset[str] | None:
        """The only option whose text holds a whole text: `in front` of "in front of", `a shoe` of "a shoe in a box"."""
        given = self._key(_OPINION.sub("", text[:_MAX_TEXT]))
        framing = {"it's", "use", "it", "is", "that's", "they", "they're", "are", *self.normal(self.record["question"])}
        while len(given) > 1 and given[1:] != ("half",) and given[0] in framing - FUNCTION_WORDS | {"it", "it's", "is"}:
            given = given[1:]
        if not given or len("".join(given)) < 2 or set(given) <= EMPTY:
            return None
        found = [
            letter
            for letter, own in self.texts.items()
            if any(own[start : start + len(given)] == given for start in range(len(own) - len(given) + 1))
            or (own[:1] == given[:1] and own[-1:] == given[-1:] and set(given) <= set(own))
        ]
        return frozenset(found) if len(found) == 1 and self.mentions(text)[0] <= set(found) else None

    def is_list(self, line: str) -> bool:
        """Whether a line starts with an option's text and the next one's after a comma or "and": `a mug, a bowl`."""
        first, *others = re.split(r",\s+(?:and\s|or\s)?|\s(?:and|or)\s", line[:_MAX_TEXT])
        starts = [self.normal(part) for part in (first, *others[:1])]
        return len(starts) == 2 and all(
            any(part[: len(own)] == own for own in self.texts.values() if own) for part in starts
        )

    def by_core(self, text: str) -> frozenset[str] | None:
        """The option that says the same once function words and the question's own are dropped: `to the right`.

        None where options don't differ without those words, or the text holds a negation.
        """
        given = self._key(text)
        if any(map(negates, given)):
            return None
        dropped = set(self.normal(self.record["question"])) | {"side", "half", "part"} | FUNCTION_WORDS | _POSTURE
        shared = set.intersection(*map(set, self._keys)) if self._keys else set()
        differing = frozenset(word for key in self._keys for word in key) - shared
        for kept in (frozenset(), frozenset({"in", "on"}), differing):  # options may differ in these alone
            *cores, core = (_core(key, dropped - kept) for key in (*self._keys, given))
            found = [letter for own, letter in zip(cores, self._keys.values(), strict=True) if own == core]
            found = [letter for letter in found if _SIDE & set(self.texts[letter]) in (set(), _SIDE & set(given))]
            if core and found and len(set(cores)) == len(cores):
                return frozenset(found)
        return None

    def _key(self, text: str) -> tuple[str, ...]:
        return self.normal(lettering.strip_markup(text))

    def _list(self, text: str, separator: str) -> frozenset[str] | None:
        found = set()
        for item in re.split(separator, lettering.strip_markup(text)):
            if item.strip(" \t\r-•.*"):
                found.add(self.by_line(item))
        return None if None in found else frozenset(found)


def main_clause(question: str) -> str:
    """A question without what only says where or without what: `Which float` of "Which float without any support?"."""
    return _SUBORDINATE.sub("", question)


def _forms(question: str, texts: list[str]) -> dict[str, str]:
    """What a question calls its options, where these are words of the same root: `stripes` for the option "striped"."""
    own = [tokens(text) for text in texts]
    names = {root(key[0]): key[0] for key in own if len(key) == 1}
    if len(names) < len(texts):
        return {}
    return {word: names[root(word)] for word in tokens(question) if root(word) in names and (word,) not in own}


def _core(key: tuple[str, ...], dropped: set[str]) -> frozenset[str]:
    """What a place says without the dropped words; "on top of" is "on"."""
    key = tuple(" ".join(key).replace("on top of", "on").split())
    return frozenset(PLACES.get(word, word) for word in key if word in PLACES or word not in dropped) - dropped
