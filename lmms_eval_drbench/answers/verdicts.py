"""What is said of each option, item by item: `A: yes`, `✅ A`, `| A | ✔ |`, `B) False – it is red`, `violin – no`."""

import re

from lmms_eval_drbench.answers import letters as lettering
from lmms_eval_drbench.answers.options import Options

_SAYS = (
    r"(?:yes|no|not|true|false|untrue|correct|incorrect|right|wrong|accurate|inaccurate|is|isn't|ok|"
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
_IS_ODD = re.compile(
    r"\W*(?:is |clearly |very )*(?:strange|unusual|odd|abnormal|anomal(?:ous|y)|weird|unexpected|out of place)\W*",
    re.IGNORECASE,
)
_IS_ORDINARY = re.compile(
    r"\W*(?:is |quite |perfectly )*(?:normal|usual|common|ordinary|expected|fine|typical)\W*", re.IGNORECASE
)
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
    r"false|untrue|incorrect|inaccurate|unsuitable|invisible|wrong|absent|excluded|rejected|ruled out|"
    r"impossible|implausible|invalid|unlikely|"
    r"(?:does not|doesn't|do not|don't) (?:fit|match|work|apply)|"
    r"否|不|错|错误|不对|不正确|没有|不可以|不选|不符合))\W*",
    re.IGNORECASE,
)
_TRUTH = re.compile(r"\b(?:(?:un)?true|false|(?:in)?(?:correct|accurate)|right|wrong)\b", re.IGNORECASE)
"""What calls a statement true or false; a tick or a "yes" may as well mean that it is chosen."""
_TAKEN = re.compile(r"\b(?:selected|chosen|(?:in|ex)cluded|rejected)\b", re.IGNORECASE)
_DENYING = re.compile(r"(?:no|not|isn't|aren't|doesn't|can't|cannot)\b|没有?|不|无", re.IGNORECASE)
_VERDICT_AT_END = re.compile(
    rf"\b(?:yes|no|(?P<no>not )?{_QUALITY}|"
    r"(?P<wrong>false|untrue|incorrect|inaccurate|unsuitable|invisible|wrong|not \w+))\W*$",
    re.IGNORECASE,
)
_FINE = re.compile(
    r"(?<!not )\b(?:normal|fine|intact|undamaged|ordinary|in order|as (?:usual|expected|it should)|"
    r"(?:no|nothing)\b[^.,;:]{0,20}(?:wrong|unusual|strange|odd|damage|defects?|problems?))\b",
    re.IGNORECASE,
)
"""What is said of a thing that nothing is wrong with."""
_MAX_TEXT = 2000


def verdicts(text: str, options: Options) -> tuple[dict[str, bool | None], str]:
    """(whether each option that has an item with a verdict is chosen, the text after the last such item).

    `A: yes`, `✅ A`, `| A | ✔ |`, `B) False – it is red`, `violin – no`, `A. Yes. B. No.`; an option with two
    verdicts that differ has none. Where the question asks what is false, what is called true is not chosen, and of a
    statement with nothing but a tick nobody can tell (None).
    """
    said: dict[str, set[bool | None]] = {}
    lines = re.sub(r"\[\s?\]", "\u2717", re.sub(r"\[[xX]\]", "\u2713", text[:_MAX_TEXT])).splitlines()[:50]
    last = 0
    for number, line in enumerate(lines):
        groups = list(_GROUP.finditer(line))
        judged = [
            (
                letter,
                _chosen(letter, not group.group("no"), group.group().removesuffix(group.group("letters")), options),
            )
            for group in groups
            for letter in re.findall(r"\b[A-H]\b", group.group("letters"))
        ]
        for letter, value in judged or filter(
            None, (_verdict(piece, options) for piece in _pieces(line[:500], options))
        ):
            said.setdefault(letter, set()).add(value)
            last = number + 1
    found = {letter: values.pop() for letter, values in said.items() if len(values) == 1}
    if options.asks_what_is_false and options.none and set(options.letters) - found.keys() == {options.none}:
        found[options.none] = None if None in found.values() else not any(found.values())
    if (options.asks_what_is_wrong or options.asks_for_oddity) and _ticks_what_is_fine(lines):
        found = {letter: None if value is None else not value for letter, value in found.items()}
    return found, "\n".join(lines[last:]).strip()


def _ticks_what_is_fine(lines: list[str]) -> bool:
    """Whether ticks stand at what nothing is wrong with: `✅ camera: looks normal`."""
    fine = [line for line in lines if _FINE.search(line)]
    return any(map(_TICK.search, fine)) and not any(map(_NO_TICK.search, fine))


def _pieces(line: str, options: Options) -> list[str]:
    """A line's items, each from its option's letter or text on; the whole line where it is one item."""
    pieces = [re.sub(r"\sand\s*$", "", piece) for piece in _HEADS.split(line) if piece.strip()]
    if len(pieces) > 2:
        return pieces
    if len(_SPOKEN.findall(line)) > 1:  # "hammer: no, knife: yes"
        return re.split(r"[,;.]\s(?=[^,;.:=(?]{1,60}(?:[:=(?]|[-–—]\s))", line)
    return [line]


def _chosen(letter: str, value: bool, words: str, options: Options, is_explained: bool = True) -> bool | None:
    """What a verdict in these words says of an option's being an answer; None for a bare tick at what may be wrong."""
    if not options.asks_what_is_false or letter == options.none or _TAKEN.search(words):
        return value
    if _TRUTH.search(words):
        return not value
    return None if options.asks_for_statements or not is_explained else value


def _verdict(piece: str, options: Options) -> tuple[str, bool | None] | None:
    segments = [
        segment.strip() for segment in _SEGMENTS.split(_NO_TICK.sub("|", _TICK.sub("|", piece))) if segment.strip()
    ]
    head = _HEAD.match(piece)
    letters = (
        frozenset({head.group(1).upper()} & set(options.letters)) if head else lettering.marked(piece, options.letters)
    )
    if not letters and not head:
        letters = frozenset().union(*(options.by_text(segment) or () for segment in segments[:4]))
    if len(letters) != 1:
        return None
    (letter,) = letters
    if head and segments:
        segments = [re.sub(r"^\W*[A-H]\b\s*", "", segments[0]), *segments[1:]]
    judging = [segment for segment in segments if segment and options.exact(segment) is None]
    said = {value for value, sign in ((True, _TICK), (False, _NO_TICK)) if sign.search(piece)}
    plain = [segment for segment in judging if _YES.fullmatch(segment) or _NO.fullmatch(segment)]
    words = " ".join(plain)
    if not said or (options.asks_what_is_false and _TRUTH.search(words)):  # "✅ false"
        said = {bool(_YES.fullmatch(segment)) for segment in plain}
    if not said and options.asks_for_oddity:
        said = {value for value, word in ((True, _IS_ODD), (False, _IS_ORDINARY)) if any(map(word.fullmatch, judging))}
    judging = [segment for segment in judging if segment.upper() not in options.letters]
    if not said and judging and _DENYING.match(judging[0]):
        said = {False}
    if not said and judging and re.match(r"(?:can|could)\s(?!not\b)", judging[0]):
        said = {True}
    if not said and judging and (end := _VERDICT_AT_END.search(judging[-1])):
        said = {not (end.group("no") or end.group("wrong") or end.group().lower().startswith("no"))}
        words = end.group()
    return (letter, _chosen(letter, said.pop(), words, options, bool(judging))) if len(said) == 1 else None
