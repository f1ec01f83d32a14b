"""From model text to an answer. Nothing is ever guessed: what can't be read is counted as unparsed, with a reason.

Readers run from the most explicit to the least: a scaffold's `<answer>` field, a LaTeX box, a bare answer, the last
declaration ("the answer is ..."), an option-like first or last line, and an option's text that is named alone.
Upstream's shared extractor reads the article of "A dog is on the left; the answer is (C)" as the letter A; here
declarations win, and a lone "A" before a noun is a word.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmms_eval_drbench import letters as lettering
from lmms_eval_drbench import scaffold
from lmms_eval_drbench.phrases import NEGATIONS, tokens, words
from lmms_eval_drbench.record import option_letters
from lmms_eval_drbench.rejection import rejects
from lmms_eval_drbench.taxonomy import QuestionType

MAX_PROSE = 20_000
"""Characters of running text, half from its start and half from its end, that are searched for an answer. Fields and
boxes are found in any length."""
_MAX_DECLARATIONS = 50

_THINK = re.compile(r"<\s{0,4}(/?)\s{0,4}(?:think|thinking|thought)\s{0,4}>", re.IGNORECASE)
_SPECIAL = re.compile(r"<\|[a-z_]{1,30}\|>|</s>")
_BOX = re.compile(r"\\boxed\s*\{")
_DECLARED = re.compile(
    r"\b(?:(?:final|correct|right|best|my)\s+(?:answer|option|choice)s?|answers?|(?:correct|right|best)\s+ones?)\b"
    r"[*_`\"'\s]*(?:(?:would|should|must|will)\s+be|is|are|was|=|:|\u2192)[*_`\s]*:?"
    r"|\bi(?:'d|\s+would|\s+will|'ll)?\s+(?:choose|pick|select|go\s+with|answer)\b"
    r"|\b(?:so|thus|hence|therefore),?\s+(?:it\s+is|it's|that\s+is|that's)?"
    r"|\b(?:it\s+is|it's|it\s+must\s+be|this\s+is|that\s+is)\b",
    re.IGNORECASE,
)
_STRONG = re.compile(r"answer|option|choice|correct|choose|pick|select|go\s+with", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|unable|not able)|i (?:cannot|can't|can not|do not|don't) (?:determine|tell|answer|know|"
    r"help|assist|provide)|as an ai\b|cannot be determined|unable to (?:determine|answer|tell|see)|"
    r"not enough information|i apologi[sz]e)",
    re.IGNORECASE,
)
_CONTRAST = re.compile(r",\s+(?:and |but )?not\b|\brather than\b|\binstead of\b", re.IGNORECASE)
_CONTRADICTION: frozenset[str] = frozenset()
"""What a reader returns for `A. a blue bowl` when the blue bowl is option B."""
_SENTENCE_END = re.compile(r"(?<=[a-z0-9)\"'*\]][a-z0-9)\"'*\]][.!?])\s+(?=[A-Z\"(*])")
_CONCLUDING = re.compile(r"\W*(?:so|thus|hence|therefore|finally|in conclusion|overall)\b[,:]?\s*", re.IGNORECASE)
_ALL = frozenset({("all",), ("all", "of", "above"), ("all", "of", "them"), ("all", "option"), ("all", "of", "these")})


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    letters: chosen letters of a choice question. text: the answer to an open question. Both None: unparsed.
    reason: how it was read, or why it could not be.
    """

    letters: frozenset[str] | None
    text: str | None
    reason: str

    @property
    def parsed(self) -> bool:
        return self.letters is not None or self.text is not None

    def __str__(self) -> str:
        if self.letters is not None:
            return ", ".join(sorted(self.letters))
        return self.text or ""


def extract(text: Any, record: Mapping[str, Any]) -> Answer:
    """Read the answer out of anything a model can write. Never raises for a valid record; linear in `text`."""
    if not isinstance(text, str):
        return _unparsed("no text")
    text = _SPECIAL.sub(" ", text)
    thought = _without_thinking(text)
    if not thought.strip():
        return _unparsed("empty" if not text.strip() else "thinking was not finished")
    body, where = _answer_field(thought)
    if body is None:
        return _unparsed("no <answer> field")
    if where == "cut off" and record["question_type"] != QuestionType.SINGLE_CHOICE:
        return _unparsed("the <answer> field was cut off")  # "A" may have been on its way to "A, C"
    if not body.strip():
        return _unparsed("the <answer> field is empty" if where else "empty")
    boxed = _last_box(body)
    if boxed is not None and boxed.strip():
        body, where = boxed, "LaTeX box"
    body = _shortened(body.strip())
    answer = _open_ended(body) if record["question_type"] == QuestionType.OPEN_ENDED else _choice(body, record)
    if not answer.parsed:
        return answer
    prefix = {"": "", "closed": "<answer> field: ", "cut off": "unclosed <answer> field: "}.get(where, f"{where}: ")
    return Answer(answer.letters, answer.text, prefix + answer.reason)


def _shortened(text: str) -> str:
    half = MAX_PROSE // 2
    return text if len(text) <= MAX_PROSE else f"{text[:half]}\n...\n{text[-half:]}"


def _unparsed(reason: str) -> Answer:
    return Answer(None, None, reason)


def _without_thinking(text: str) -> str:
    """What follows the last closed thought; an unclosed one leaves only what stood before it."""
    marks = list(_THINK.finditer(text))
    if not marks:
        return text
    if marks[-1].group(1):
        return text[marks[-1].end() :]
    closing = max((mark.end() for mark in marks if mark.group(1)), default=0)
    return text[closing : marks[-1].start()]


def _answer_field(text: str) -> tuple[str | None, str]:
    """(text to read, "closed" | "cut off" | ""): the last answer field, or all of a text without fields."""
    parsed = scaffold.parse(text)
    if parsed.answer is not None:
        return parsed.answer, "cut off" if parsed.answer_open else "closed"
    if parsed.entities or parsed.relations or parsed.reasoning or not _no_field(parsed):
        return None, ""
    return scaffold.without_cut_tag(text)[0], ""


def _no_field(parsed: scaffold.Scaffold) -> bool:
    return len(parsed.problems) == len(scaffold.FIELDS) and all(p.startswith("no ") for p in parsed.problems)


def _last_box(text: str) -> str | None:
    r"""Content of the last `\boxed{...}`, braces balanced."""
    last = None
    for match in _BOX.finditer(text):
        last = match
    if last is None:
        return None
    depth = 1
    for index in range(last.end(), min(len(text), last.end() + 1000)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return text[last.end() : index]
    return None


# --- choice questions ------------------------------------------------------------------------------------------------


def _choice(body: str, record: Mapping[str, Any]) -> Answer:
    options = _Options(record)
    body = lettering.tighten(body)
    for reason, reader in (
        ("bare answer", _whole),
        ("declared", _last_declaration),
        ("last line", _last_line),
        ("first line", _first_line),
        ("option named alone", _mentioned),
        ("rejection in words", _rejecting_option),
    ):
        found = reader(body, options)
        if found is not None:
            return _one_or_set(found, reason, options)
    return _unparsed("refusal" if _REFUSAL.search(body) else "no answer found")


def _one_or_set(found: frozenset[str], reason: str, options: "_Options") -> Answer:
    if found == _CONTRADICTION:
        return _unparsed("letter and option text disagree")
    if options.single and len(found) > 1:
        return _unparsed(f"several letters ({', '.join(sorted(found))}) for a single-choice question")
    return Answer(found, None, reason)


class _Options:
    """A record's letters and option texts, the texts normalised as far as they stay distinct."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.record = record
        self.letters = option_letters(record)
        self.single = record["question_type"] == QuestionType.SINGLE_CHOICE
        texts = record["options"]
        self.normal = tokens if len({tokens(text) for text in texts}) == len(texts) else lambda text: tuple(words(text))
        self.keys = {self.normal(text): letter for text, letter in zip(texts, self.letters, strict=True)}
        self.keys.pop((), None)

    def by_text(self, text: str) -> frozenset[str] | None:
        """The letters whose option texts `text` is: one, or several in a list."""
        if len(text) > 2000:
            return None
        whole = self.normal(lettering.strip_markup(text))
        if self.contradicts(text):
            return None
        if whole in self.keys:
            return frozenset(self.keys[whole])
        if not self.single:
            if whole in _ALL:
                return frozenset(self.letters)
            return self._list(text)
        return None

    def _list(self, text: str) -> frozenset[str] | None:
        found = set()
        for item in re.split(r"\n|;|,\s*and\b|,|\band\b|&", lettering.strip_markup(text)):
            if not item.strip(" \t\r-•.*"):
                continue
            letter = self.line(item)
            if letter is None:
                return None
            found.add(letter)
        return frozenset(found) or None

    def line(self, text: str) -> str | None:
        """The letter of `a red mug` or of `B. a red mug`; None where letter and text disagree."""
        key = self.normal(lettering.strip_markup(text))
        if key in self.keys:
            return self.keys[key]
        head = lettering.led(text)
        if head and head[0] in self.letters and self.keys.get(self.normal(head[1])) == head[0]:
            return head[0]
        return None

    def contradicts(self, text: str) -> bool:
        """Whether `text` is a letter with another option's text: `A. a blue bowl` when that is option B."""
        head = lettering.led(text)
        if head is None or head[0] not in self.letters:
            return False
        named = self.keys.get(self.normal(re.split(r"\n|[.!?](?:\s|$)", head[1], maxsplit=1)[0]), head[0])
        return named != head[0]

    def is_letter_like(self, letters: frozenset[str]) -> bool:
        """Whether an option's text is itself a single letter, so that a bare letter must mean the option's letter."""
        return any(len(key) == 1 and len(key[0]) == 1 for key, letter in self.keys.items() if letter in letters)

    def mentions(self, text: str) -> tuple[set[str], list[str]]:
        """(letters whose option text occurs in `text`, the tokens left over); longer option texts first."""
        rest: list[str | None] = list(self.normal(text))
        found = set()
        for key, letter in sorted(self.keys.items(), key=lambda item: -len(item[0])):
            for start in range(len(rest) - len(key) + 1):
                if tuple(rest[start : start + len(key)]) == key:
                    found.add(letter)
                    rest[start : start + len(key)] = [None] * len(key)
        return found, [token for token in rest if token is not None]


def _whole(body: str, options: _Options) -> frozenset[str] | None:
    if "\n" not in body and options.contradicts(body):
        return _CONTRADICTION
    by_text = options.by_text(body)
    if by_text is not None and not options.is_letter_like(by_text):
        return by_text
    bare = lettering.bare(body, options.letters)
    if bare is not None or by_text is not None:
        return bare or by_text
    lines = [line for line in body.splitlines() if line.strip()]
    listed = {options.line(line) for line in lines[: len(options.letters) + 1]}
    return frozenset(listed) if 0 < len(lines) <= len(options.letters) and None not in listed else None


def _last_declaration(body: str, options: _Options) -> frozenset[str] | None:
    """The last readable "the answer is ..." or "B is correct"; without one, the last readable "it is ..."."""
    declared = lettering.declared_as_subject(body, options.letters)[-1:]
    weak = None
    for match in reversed(list(_DECLARED.finditer(body))[-_MAX_DECLARATIONS:]):
        strong = bool(_STRONG.search(match.group()))
        if not strong and weak is not None:
            continue
        payload = _payload(body, match.end())
        if options.contradicts(payload):
            found = _CONTRADICTION
        else:
            found = lettering.leading(payload, options.letters)
            found = _payload_text(payload, options) if found is None else found
        if found is not None and strong:
            declared.append((match.start(), found))
            break
        weak = found if weak is None else weak
    return max(declared, key=lambda item: item[0])[1] if declared else weak


def _payload(body: str, start: int) -> str:
    """What a declaration declares: the rest of its line, or the next line when nothing follows."""
    rest = body[start : start + 300].lstrip(' \t*_`:"')
    return rest.lstrip() if not rest.split("\n", 1)[0].strip() else rest.split("\n", 1)[0]


def _payload_text(payload: str, options: _Options) -> frozenset[str] | None:
    payload = re.sub(r"^(?:that|option|choice)\s+", "", payload, flags=re.IGNORECASE)
    clause_end = r";|\s[-–—(]|\bbecause\b|\bsince\b|\bas\b" + ("|," if options.single else "")  # a comma may list
    for end in (r"\n", r"[.!?](?:\s|$)", clause_end):
        found = options.by_text(re.split(end, payload, maxsplit=1)[0])
        if found is not None:
            return found
    return None


def _last_line(body: str, options: _Options) -> frozenset[str] | None:
    lines = [line for line in body[-2000:].splitlines() if line.strip()]
    if len(lines) < 2:
        return None
    return lettering.bare(lines[-1], options.letters) or options.by_text(lines[-1])


def _first_line(body: str, options: _Options) -> frozenset[str] | None:
    """`B`, `B. a red mug`, `Red, because ...`; not when several lines start like options (a restated list)."""
    lines = [line for line in body.splitlines() if line.strip()]
    heads = [head for head in map(lettering.led, lines[:20]) if head and head[0] in options.letters]
    if len(heads) > 1:
        return None
    first = lines[0]
    if options.contradicts(first):
        return _CONTRADICTION
    found = lettering.bare(first, options.letters) or options.by_text(first)
    if found is None and lettering.led(first):
        found = lettering.leading(first, options.letters)
    return found or _payload_text(first, options)


def _mentioned(body: str, options: _Options) -> frozenset[str] | None:
    """Option texts that a short statement (or the concluding sentence of a long one) names without denying any."""
    sentences = _SENTENCE_END.split(body)
    if len(body) > 300 or len(sentences) > 2:
        if not _CONCLUDING.match(sentences[-1]):
            return None
        body = sentences[-1]
    body = lettering.strip_markup(body)[:2000]
    claim = _CONTRAST.split(body, maxsplit=1)
    if len(claim) == 2 and options.mentions(claim[1])[0]:  # "a spoon, not a fork"
        body = claim[0]
    found, rest = options.mentions(body)
    denied = any(token in NEGATIONS or token.endswith("n't") for token in rest)
    if not found or denied or (options.single and len(found) > 1) or ("or" in rest and len(found) > 1):
        return None
    return frozenset(found)


def _rejecting_option(body: str, options: _Options) -> frozenset[str] | None:
    """The one option that rejects the premise, when the text rejects it in words of its own."""
    letters: Sequence[str] = options.record["reject_answers"]
    if len(letters) != 1 or not options.single:
        return None
    text = options.record["options"][options.letters.index(letters[0])]
    return frozenset(letters) if rejects(body, options.record["question"], [text]) else None


# --- open questions --------------------------------------------------------------------------------------------------


def _open_ended(body: str) -> Answer:
    """The declared answer, or the one statement, or of several the concluding one, or the first."""
    declared = None
    for match in _DECLARED.finditer(body):
        if _STRONG.search(match.group()):
            payload = _payload(body, match.end())
            declared = _SENTENCE_END.split(payload)[0] if payload.strip() else declared
    if declared:
        return Answer(None, _clean(declared), "declared")
    if _REFUSAL.search(body) and len(body) < 500:
        return _unparsed("refusal")
    lines = [line for line in body.splitlines() if line.strip(" \t*_#`")]
    sentences = [sentence for line in lines for sentence in _SENTENCE_END.split(line.strip())]
    if not sentences:
        return _unparsed("no answer found")
    if len(sentences) == 1:
        return _text_or_unparsed(_CONCLUDING.sub("", sentences[0], count=1), "bare answer")
    if _CONCLUDING.match(sentences[-1]):
        return _text_or_unparsed(_CONCLUDING.sub("", sentences[-1], count=1), "concluding sentence")
    return _text_or_unparsed(sentences[0], "first sentence")


def _text_or_unparsed(text: str, reason: str) -> Answer:
    text = _clean(text)
    return Answer(None, text, reason) if words(text) else _unparsed("no answer found")


def _clean(text: str) -> str:
    return lettering.strip_markup(text).strip(" \t\r\n\"'.,:;-•")[:1000]
