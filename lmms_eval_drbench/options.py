"""A record's options, recognised by their texts: alone, in a list, after their letter, or within a sentence."""

import re
from collections.abc import Mapping
from typing import Any

from lmms_eval_drbench import letters as lettering
from lmms_eval_drbench.phrases import NEGATIONS, tokens, vocabulary, words
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
FUNCTION_WORDS = frozenset(vocabulary("on in at of to with by from for and or is are it its that this there no not"))
_POSTURE = frozenset(
    tokens(
        "stand standing sit sitting lie lying hang hanging placed located positioned found seen parked can be you see"
    )
)
PLACES = {
    **{"beside": "next", "alongside": "next", "adjacent": "next", "underneath": "under", "beneath": "under"},
    **{
        "lower": "bottom",
        "upper": "top",
        "below": "under",
        "above": "over",
        "inside": "in",
        "within": "in",
        "atop": "on",
        "near": "next",
        "by": "next",
    },
}
"""Prepositions of place that say the same."""
_TRAILING_LETTER = re.compile(r"\s[(\[](?:option\s)?([A-Za-z])[)\]]\W*$", re.IGNORECASE)
_EXPLANATION = re.compile(r"\s[–—-]\s|[:;(]|,\s|\.\s|\s(?:because|since|as)\b")
_CROSS = re.compile(r"[\u2717\u2718\u274c\u2715\u2716]|\b(?:wrong|incorrect|false)\b", re.IGNORECASE)
_MAX_TEXT = 2000

_SAYS = (
    r"(?:yes|no|not|true|false|correct|incorrect|right|wrong|is|isn't|ok|"
    r"[错对否不可是\u2714\u2713\u2717\u2718\u2705\u274c])"
)
_AFTER_LETTER = (
    r"(?:[)\].:]{1,2}(?=[\s\u4e00-\u9fff]|$)|\s?(?:[-–—=|→➜➔⇒]|->|=>)\s|\s[(]?(?=" + _SAYS + r"(?![A-Za-z'])))"
)
_HEADS = re.compile(rf"(?:^|(?<=[\s|,;]))(?=(?:options?\s)?[(\[]?[A-H]{_AFTER_LETTER})", re.IGNORECASE)
_HEAD = re.compile(rf"\W*(?:options?\s)?[(\[]?([A-H]){_AFTER_LETTER}", re.IGNORECASE)
_SPOKEN = re.compile(rf"(?:[:=(?]|[-–—]\s)\s?{_SAYS}(?![A-Za-z'])", re.IGNORECASE)
_GROUP = re.compile(
    r"(?<!\w)(?:(?P<no>not (?:selected|visible|present|correct)|no|incorrect|wrong|false|absent|excluded|rejected)|"
    r"yes|correct|right|true|selected|present|visible|included)\s?(?:options?|answers?|ones)?\s?[:=–-]\s?"
    r"(?P<letters>[A-H](?:[\s,&/]{1,3}(?:and\s)?[A-H]){0,7})(?![\w'])",
    re.IGNORECASE,
)
ODD = frozenset(
    tokens(
        "strange unusual odd abnormal anomalous anomaly wrong weird unexpected inconsistent unrealistic "
        "impossible out abnormality"
    )
)
"""What questions about anomalies ask for."""
_IS_ODD = re.compile(
    r"\W*(?:is |clearly |very )*(?:strange|unusual|odd|abnormal|anomal(?:ous|y)|weird|unexpected|out of place)\W*",
    re.IGNORECASE,
)
_IS_ORDINARY = re.compile(
    r"\W*(?:is |quite |perfectly )*(?:normal|usual|common|ordinary|expected|fine|typical)\W*", re.IGNORECASE
)
_ASKED_FOR_DENIAL = frozenset({"not", "wrong", "incorrect", "false", "except", "untrue", "isn't", "aren't"})
_SEGMENTS = re.compile(r"[|:;,.?()!\[\]\t]|(?:^|\s)(?:[-–—=*•]|->|=>)+(?=\s|$)|[–—→➜➔⇒]|\b(?:because|since|as|but)\b")
_TICK = re.compile(r"[\u2705\u2714\u2713\u2611\U0001f7e2\U0001f44d]")
_NO_TICK = re.compile(r"[\u274c\u2717\u2718\u2715\u2716\u2610\U0001f534\U0001f44e\U0001f6ab]")
_QUALITY = (
    r"(?:true|correct|suitable|visible|right|selected|chosen|present|valid|possible|plausible|applicable|"
    r"included|accurate|ok|okay)"
)
_SURELY = r"(?:it |this |that |they )?(?:is |it's |are |clearly |definitely |also |partly )*"
_YES = re.compile(
    rf"\W*(?:{_SURELY}(?:yes|yep|yeah|{_QUALITY}|fits|matches|works|applies|does|是|对|正确|有|可以|选|符合|✓))\W*",
    re.IGNORECASE,
)
_NO = re.compile(
    rf"\W*(?:{_SURELY}(?:no|nope|(?:not|isn't|aren't) (?:\w+ )?(?:{_QUALITY}|there|shown|seen|in the (?:image|"
    rf"picture))|not|"
    r"false|incorrect|unsuitable|invisible|wrong|absent|excluded|rejected|ruled out|impossible|implausible|"
    r"invalid|unlikely|"
    r"(?:does not|doesn't|do not|don't) (?:fit|match|work|apply)|"
    r"否|不|错|错误|不对|不正确|没有|不可以|不选|不符合))\W*",
    re.IGNORECASE,
)
_DENYING = re.compile(r"(?:no|not|isn't|aren't|doesn't|can't|cannot)\b|没有?|不|无", re.IGNORECASE)
_VERDICT_AT_END = re.compile(
    rf"\b(?:yes|no|(?P<no>not )?{_QUALITY}|(?P<wrong>false|incorrect|unsuitable|invisible|wrong|not \w+))\W*$",
    re.IGNORECASE,
)

_ALL_BUT = re.compile(
    r"^\W*(?:all|every(?:thing|one)?|each|any(?:thing)?)\b(?P<scope>[^.,:;\n]{0,60}?),?\s+"
    r"(?:except|but|besides|apart from|aside from|other than|excluding|with the exception "
    r"of)\b(?:\s+for)?\s+(?P<out>[^.:;\n–—]{1,120})",
    re.IGNORECASE,
)
_SOME_BUT = re.compile(
    r"^(?P<kept>[^.:;\n]{1,60}?)\s(?:except|but not|without|excluding|minus)\s(?P<out>[^.:;\n]{1,60})\W*$",
    re.IGNORECASE,
)
_ALL_OF = re.compile(
    r"^\W*(?:all|every(?:one|body|thing)?|each)\b(?P<scope>[^.,:;\n]{0,60}?)\s(?:are|is|can|could|would|may|do|does|have|has|apply|"
    r"applies|fit|fits|work|works|"
    r"match|matches|qualify|qualifies|appear|appears)\b(?P<rest>[^.;\n]{0,120})",
    re.IGNORECASE,
)
_SCOPE = frozenset(
    vocabulary(
        "of them these those above option choice answer item object thing statement listed given 4 5 3 6 one "
        "other is are can be shown provided"
    )
)
_FITTING = frozenset(
    vocabulary(
        "correct right true visible present suitable valid possible apply fit work match qualify applicable "
        "seen shown used there"
    )
)
_RANKS = {
    rank: place
    for place, ranks in enumerate(
        ("first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th", "sixth 6th", "seventh 7th", "eighth 8th")
    )
    for rank in ranks.split()
} | {"last": -1}
_RANK = rf"(?:the\s)?\b(?:{'|'.join(_RANKS)})\b"
_RANKED_LIST = rf"{_RANK}(?:(?:\sand\s|,\sand\s|,\s?|\s&\s){_RANK}){{0,5}}"
_RANKED = re.compile(
    rf"(?<!my )(?<!our )\b(?P<ranks>{_RANKED_LIST})\s(?:(?:listed|given|answer)\s)?(?:option|choice|answer|"
    rf"alternative)s?\b"
    rf"(?:\s(?:in|on|of)\s(?:the|this)\s(?:list|options?|choices?))?",
    re.IGNORECASE,
)
_RANKED_ALONE = re.compile(
    rf"\W*(?:(?:it's|it is|i'd (?:say|pick)|i (?:choose|pick)|probably|"
    rf"option)\s)?(?P<ranks>{_RANKED_LIST})(?:\sones?)?\W*",
    re.IGNORECASE,
)
_NUMBER = r"(?:[1-8]|one|two|three|four|five|six)"
_NUMBERED = re.compile(
    r"\b(?:option|choice)s?\s(?:number\s|no\.?\s?|#)?"
    rf"(?P<numbers>{_NUMBER}(?:(?:,\s?|\sand\s|,\sand\s|\s&\s){_NUMBER}){{0,5}})\b(?![.:]?\d)",
    re.IGNORECASE,
)
_RANKED_DECLARED = re.compile(
    rf"(?P<before>\b(?:is|are|choose|pick|select|with|say|for|be)\s)(?P<ranks>{_RANKED_LIST})\s(?:one|ones)\b",
    re.IGNORECASE,
)
_FIRST_FEW = re.compile(
    r"\b(?:the\s)?(?P<end>first|last)\s(?P<count>two|three|2|3)\s(?:options?|choices?|answers?)\b", re.IGNORECASE
)


class Options:
    """Letters and texts of a choice question. Texts are normalised as far as they stay distinct."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.record = record
        self.letters = option_letters(record)
        self.single = record["question_type"] == QuestionType.SINGLE_CHOICE
        texts = record["options"]
        is_distinct = len({tokens(text) for text in texts}) == len(texts)
        is_labelled = any(re.search(r"\s[A-H]$", text) for text in texts)  # "Building A": no article
        self.normal = tokens if is_distinct and not is_labelled else lambda text: tuple(words(text))
        self._keys = {self.normal(text): letter for text, letter in zip(texts, self.letters, strict=True)}
        self._keys.pop((), None)
        self._compounds = {"".join(key): letter for key, letter in self._keys.items()}
        """`screwdriver`, also written `screw driver`."""
        self.texts = {letter: key for key, letter in self._keys.items()}

    def by_text(self, text: str) -> frozenset[str] | None:
        """The letters whose option texts `text` is: one, or several in a list where several may be chosen."""
        if len(text) > _MAX_TEXT or self.contradicts(text):
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

    def by_line(self, text: str) -> str | None:
        """The letter of `a red mug` or of `B. a red mug`; None where letter and text disagree."""
        key = self._key(text)
        if key in self._keys:
            return self._keys[key]
        head = lettering.led(text)
        if head and head[0] in self.letters and self._starts(head[1], head[0]):
            return head[0]
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
        is_denied = any(word in NEGATIONS or word.endswith("n't") for word in self.mentions(head[1])[1])
        return head[0] if self._keys.get(named) == head[0] and not is_denied and not _CROSS.search(line) else None

    def contradicts(self, text: str) -> bool:
        """Whether `text` is a letter with another option's text: `A. a blue bowl` when that is option B."""
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
        return bool(_ASKED_FOR_DENIAL & set(words(self.record["question"])))

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
        """The only option whose text holds a whole text: `in front` of "in front of", `a shoe` of "a shoe in the box"."""
        given = self._key(text[:_MAX_TEXT])
        if not given or len("".join(given)) < 2 or set(given) <= FUNCTION_WORDS:
            return None
        found = [
            letter
            for letter, own in self.texts.items()
            if any(own[start : start + len(given)] == given for start in range(len(own) - len(given) + 1))
        ]
        return frozenset(found) if len(found) == 1 else None

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
        dropped = set(self.normal(self.record["question"])) | {"side"} | FUNCTION_WORDS | _POSTURE
        given = self._key(text)
        *cores, core = (
            frozenset(PLACES.get(word, word) for word in key if word in PLACES or word not in dropped) - dropped
            for key in (*self._keys, given)
        )
        if not core or len(set(cores)) < len(cores) or any(word in NEGATIONS or word.endswith("n't") for word in given):
            return None
        found = [letter for own, letter in zip(cores, self._keys.values(), strict=True) if own == core]
        return frozenset(found) or None

    def hints_at_another(self, found: frozenset[str], words_left: set[str]) -> bool:
        """Whether leftover words belong to an option that was not found: "the mug and the spoon" for "a red mug"."""
        others = {word for key, letter in self._keys.items() if letter not in found for word in key}
        own = {word for key, letter in self._keys.items() if letter in found for word in key}
        asked = set(self.normal(self.record["question"]))
        hints = words_left & others - own - asked - FUNCTION_WORDS
        return any(word.isascii() or len(word) > 1 for word in hints)  # one Chinese character is no word

    def lettered(self, text: str) -> str:
        """`text` with options that are named by their place named by their letter: `the second option`, `option 2`.

        Unless the options themselves speak of places or numbers.
        """
        own = {word for key in self._keys for word in key}
        if not own & _RANKS.keys():
            text = _RANKED.sub(lambda match: f"option {self._places(match.group('ranks'))}", text)
            text = _RANKED_DECLARED.sub(lambda match: match.group("before") + self._places(match.group("ranks")), text)
            text = _FIRST_FEW.sub(self._few, text)
            alone = _RANKED_ALONE.fullmatch(text[:_MAX_TEXT])
            text = self._places(alone.group("ranks")) if alone else text
        if not any(word[0].isdigit() for word in own):
            text = _NUMBERED.sub(lambda match: f"option {self._numbers(match.group('numbers'))}", text)
        return text

    def _places(self, ranks: str) -> str:
        return re.sub(
            _RANK, lambda match: self._at(_RANKS[match.group().split()[-1].lower()]), ranks, flags=re.IGNORECASE
        )

    def _numbers(self, numbers: str) -> str:
        return re.sub(
            r"\b(?!and\b)\w+", lambda match: self._at(int(tokens(match.group())[0]) - 1), numbers, flags=re.IGNORECASE
        )

    def _few(self, match: re.Match[str]) -> str:
        count = int(tokens(match.group("count"))[0])
        return "options " + ", ".join(
            self.letters[:count] if match.group("end").lower() == "first" else self.letters[-count:]
        )

    def _at(self, place: int) -> str:
        return self.letters[place] if place < len(self.letters) else "none"

    def verdicts(self, text: str) -> tuple[dict[str, bool], str]:
        """(what is said of each option that has an item with a verdict, the text after the last such item).

        `A: yes`, `✅ A`, `| A | ✔ |`, `B) False – it is red`, `violin – no`, `A. Yes. B. No.`; an option with two
        verdicts that differ has none.
        """
        said: dict[str, set[bool]] = {}
        lines = re.sub(r"\[\s?\]", "\u2717", re.sub(r"\[[xX]\]", "\u2713", text[:_MAX_TEXT])).splitlines()[:50]
        last = 0
        for number, line in enumerate(lines):
            groups = list(_GROUP.finditer(line))
            judged = [
                (letter, not group.group("no"))
                for group in groups
                for letter in re.findall(r"\b[A-H]\b", group.group("letters"))
            ]
            for letter, value in judged or filter(None, map(self._verdict, self._pieces(line[:500]))):
                said.setdefault(letter, set()).add(value)
                last = number + 1
        found = {letter: values.pop() for letter, values in said.items() if len(values) == 1}
        return found, "\n".join(lines[last:]).strip()

    def _pieces(self, line: str) -> list[str]:
        """A line's items, each from its option's letter or text on; the whole line where it is one item."""
        pieces = [piece for piece in _HEADS.split(line) if piece.strip()]
        if len(pieces) > 2:
            return pieces
        if len(_SPOKEN.findall(line)) > 1:  # "hammer: no, knife: yes"
            return re.split(r"[,;.]\s(?=[^,;.:=(?]{1,60}(?:[:=(?]|[-–—]\s))", line)
        return [line]

    def _verdict(self, piece: str) -> tuple[str, bool] | None:
        segments = [
            segment.strip() for segment in _SEGMENTS.split(_NO_TICK.sub("|", _TICK.sub("|", piece))) if segment.strip()
        ]
        head = _HEAD.match(piece)
        letters = (
            frozenset({head.group(1).upper()} & set(self.letters)) if head else lettering.marked(piece, self.letters)
        )
        if not letters and not head:
            letters = frozenset().union(*(self.by_text(segment) or () for segment in segments[:4]))
        if len(letters) != 1:
            return None
        (letter,) = letters
        if head:
            segments = [re.sub(r"^\W*[A-H]\b\s*", "", segments[0]), *segments[1:]]
        judging = [segment for segment in segments if segment and self._keys.get(self._key(segment)) is None]
        said = {value for value, sign in ((True, _TICK), (False, _NO_TICK)) if sign.search(piece)}
        said = said or {value for value, word in ((True, _YES), (False, _NO)) if any(map(word.fullmatch, judging))}
        if not said and self.asks_for_oddity:
            said = {
                value for value, word in ((True, _IS_ODD), (False, _IS_ORDINARY)) if any(map(word.fullmatch, judging))
            }
        judging = [segment for segment in judging if segment.upper() not in self.letters]
        if not said and judging and _DENYING.match(judging[0]):
            said = {False}
        if not said and judging and re.match(r"(?:can|could)\s(?!not\b)", judging[0]):
            said = {True}
        if not said and judging and (end := _VERDICT_AT_END.search(judging[-1])):
            said = {not (end.group("no") or end.group("wrong") or end.group().lower().startswith("no"))}
        return (letter, said.pop()) if len(said) == 1 else None

    def swept(self, sentence: str) -> frozenset[str] | None:
        """The letters of `all except B`, `everything but the hammock`, `all options are correct`."""
        everything = frozenset(self.letters)
        scope = _SCOPE | set(self.normal(self.record["question"]))
        if (some := _SOME_BUT.match(sentence)) is not None:
            kept, out = (lettering.bare(some.group(name), self.letters) for name in ("kept", "out"))
            if kept and out:
                return kept - out or None
        match = _ALL_BUT.match(sentence)
        if match:
            out = re.match(
                r"\W*(?:options?\s)?((?:[A-H]\b[\s,&、]*(?:and\s|or\s)?(?:options?\s)?)+)", match.group("out")
            )
            left_out = (
                frozenset(re.findall(r"\b[A-H]\b", out.group(1))) if out else self.mentions(match.group("out"))[0]
            )
            is_whole = set(self.normal(match.group("scope"))) <= scope | _FITTING
            if self.single:  # "everything but the stove would melt" singles it out
                return left_out if len(left_out) == 1 and is_whole else None
            return (everything - left_out or None) if left_out and left_out < everything and is_whole else None
        match = _ALL_OF.match(sentence)
        if match is None or not set(self.normal(match.group("scope"))) <= scope:
            return None
        rest = set(self.normal(match.group("rest")))
        is_limited = any(
            word in NEGATIONS | {"but", "wrong", "incorrect", "false"} or word.endswith("n't") for word in rest
        )
        asked = set(self.normal(self.record["question"])) - FUNCTION_WORDS - {"are", "which", "what", "these", "option"}
        return everything if not is_limited and (not rest or rest & (_FITTING | asked)) else None

    def _key(self, text: str) -> tuple[str, ...]:
        return self.normal(lettering.strip_markup(text))

    def _list(self, text: str, separator: str) -> frozenset[str] | None:
        found = set()
        for item in re.split(separator, lettering.strip_markup(text)):
            if item.strip(" \t\r-•.*"):
                found.add(self.by_line(item))
        return None if None in found else frozenset(found)
