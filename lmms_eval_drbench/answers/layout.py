"""How an answer is laid out, made plain: roles of a chat, bold type, quotes and headings.

A heading such as `### Final Answer` becomes `Answer:`, which declares the line below it.
"""

import re

_SPECIAL = re.compile(r"<\|[a-z_]{1,30}\|>|</s>|\[/?INST\]")
_THOUGHT = re.compile(r"<\|(begin|end)_of_thought\|>")
_STRUCK = re.compile(r"~~[^~\n]{1,200}~~")
_TAG = re.compile(
    r"[<\[](/?)(?:(?:final|your)[ _-]?)?(?:ans|answer|final|choice|option|solution|response|output)[>\]]", re.IGNORECASE
)
"""A tag around an answer that isn't the scaffold's: `<ans>`, `[ANSWER]`."""
_ROLE = re.compile(r"^(?:\s{0,9}(?:assistant|model|bot|ai|gpt|response|助手|模型)\s{0,3}(?::|\n)){1,3}", re.IGNORECASE)
_NEXT_TURN = re.compile(r"\n\s{0,3}(?:user|human|用户)\s{0,3}:", re.IGNORECASE)
_EMPHASIS = re.compile(r"\*\*+|__+|``?(?!`)|</?(?:b|i|u|p|strong|em|br|span|code)\s?/?>", re.IGNORECASE)
_IDIOM = re.compile(
    r"(?<![\w'])(?:that's|that is|you're|you are|all) right\b[:,.!]\s|"
    r"(?<!the )(?<!top )(?<!bottom )(?<!far )(?<!upper )(?<!lower )(?<!turn )(?<!turns )(?<!turning )"
    r"(?<!go )(?<!drive )\bright "
    r"(?=(?:next|beside|behind|in|on|at|above|over|below|under|near|here|there|outside|inside)\b)",
    re.IGNORECASE,
)
"""Where "right" names no direction."""
_LAST_ASIDE = re.compile(r"(?<=\S)\n\s*\([^()\n]{20,300}\)\s*$")
"""A remark in brackets below the answer."""
_BOLD_OPTION = re.compile(r"(?<=[a-z,:] \*\*)([A-H])[.:]\s(?=\S)")
"""`and **C. The bowl**` within a sentence, whose full stop ends nothing."""
_LETTER_TAG = re.compile(r"^\s*<([A-H])>\s*$")
"""`<B>` alone is no tag."""
_QUOTE = re.compile(r"^[ \t]{0,3}(?:>[ \t]?){1,3}", re.MULTILINE)
_HEADING = re.compile(r"^[ \t]{0,3}#{1,6}[ \t]*(.{0,200}?)[ \t]*#{0,6}[ \t]*$", re.MULTILINE)
_LOOSE_ITEM = re.compile(
    r"^([ \t]{0,9}(?:[-*•]|\d{1,2}[.)])[ \t][^\n]*)\n[ \t]{0,9}\n(?=[ \t]{0,9}(?:[-*•]|\d{1,2}[.)])[ \t])", re.MULTILINE
)
_ANSWER_TITLE = re.compile(
    r"^[ \t]{0,3}(?:step \d{1,2}[.:]? )?(?:(?:the|my|so the) )?(?:(?:final|correct|short|best) )?"
    r"(?:answers?|conclusions?|solution|verdict|decision|(?:the )?answer is|(?:最终|正确)?(?:答案|结论))[ "
    r"\t]*[:.]?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_MATHS = re.compile(r"\\[()\[\]]")
_SUM = re.compile(r"\b\d{1,6}(?:\s?[+*×x−-]\s?\d{1,6}){1,9}\s?=\s?(?=\d)")
"""`2 + 1 =` before the result."""
_NUMBER_SIGN = re.compile(r"(?<!: )\b[Nn][Oo]\. ?(?=\d)")
_SECTION = re.compile(
    r"\W*(?:\d{1,2}[.)]\s*)?(?:step\b|observ|analy|reason|expla|descr|overview|detail|context|approach|think|thought|"
    r"compar|evaluat|question|options?\b|check|look|breakdown|process|locat|identif|scene|image|visual|"
    r"分析|观察|步骤|推理|解释|图片|描述|问题|选项)",
    re.IGNORECASE,
)


def without_roles(text: str) -> str:
    """The first turn of a chat without its role, and without a chat template's special tokens."""
    text = _THOUGHT.sub(lambda mark: "</think>" if mark.group(1) == "end" else "<think>", text)
    text = _ROLE.sub("", _SPECIAL.sub(" ", text).lstrip(), count=1)
    turn = _NEXT_TURN.search(text)
    return text[: turn.start()] if turn and text[: turn.start()].strip() else text


def plain(text: str) -> str:
    """`text` without emphasis and quotes; headings of answers as `Answer:`, of others as blank lines.

    A list whose items stand apart is closed up.
    """
    text = _BOLD_OPTION.sub(r"\1) ", _IDIOM.sub("", _LAST_ASIDE.sub("", text)))
    text = _LETTER_TAG.sub(r"\1", text)
    text = _TAG.sub(lambda match: "\n" if match.group(1) else "\nAnswer: ", _STRUCK.sub("", text))
    text = _QUOTE.sub("", _EMPHASIS.sub("", re.sub(r"\r+\n?", "\n", text)))
    text = _NUMBER_SIGN.sub("number ", _SUM.sub("", _MATHS.sub("", text)))
    text = _LOOSE_ITEM.sub(r"\1\n", text)
    text = _HEADING.sub(lambda match: "\n" if _SECTION.match(match.group(1)) else match.group(1), text)
    return _ANSWER_TITLE.sub("Answer:", text).strip()
