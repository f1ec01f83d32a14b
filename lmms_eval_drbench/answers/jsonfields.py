"""The answer within JSON, whatever its key is called: `{"choice": "b"}`, `{"selected_options": ["A", "B"]}`.

Read by its keys and not as a whole, so that what the token limit cut off after the answer doesn't matter.
"""

import re

_VALUE = r"(?P<value>\"(?:[^\"\\]|\\.){0,2000}\"|'[^'\n]{0,2000}'|\[[^\[\]{}]{0,2000}\]|-?\d+(?:\.\d+)?|true\b|false\b)"
_ANSWER_KEYS = (
    r"(?:final|correct|best|my|selected|chosen|predicted)?[ _-]?(?:answers?|choices?|options?|letters?|"
    r"selections?|response|"
    r"prediction|result|output|final|correct)(?:[ _-](?:letters?|options?|choices?|text))?|selected|chosen|selected[ "
    r"_]objects?|答案|选项|最终答案|正确答案"
)
_ANSWER = re.compile(rf"[\"'](?:{_ANSWER_KEYS})[\"']\s{{0,9}}:\s{{0,9}}{_VALUE}", re.IGNORECASE)
_NAMED = re.compile(
    rf"[\"'](?:labels?|names?|objects?|items?|texts?|values?)[\"']\s{{0,9}}:\s{{0,9}}{_VALUE}", re.IGNORECASE
)
_JUDGED = re.compile(
    r"[\"']([A-H])[\"']\s{0,9}:\s{0,9}(true|false|[01]\b|\"(?:yes|no|true|false|correct|incorrect|wrong)\")",
    re.IGNORECASE,
)
_JUDGED_OBJECT = re.compile(r"[{,\[]\s{0,9}(?:[\"']([A-H])[\"']\s{0,9}:\s{0,9})?\{([^{}]{0,2000})\}")
_ITS_OPTION = re.compile(r":\s{0,9}[\"']([A-H])(?:[\"').:]|\s)")
_ITS_VERDICT = re.compile(
    r"[\"'](?:is[ _-]?)?(?:selected|correct|chosen|answer|match(?:es)?|visible|present|valid|verdict|value|"
    r"result|true)[\"']"
    r"\s{0,9}:\s{0,9}(?:(true|1\b|\"(?:yes|true|correct)\")|false|0\b|null|\"(?:no|false|incorrect|wrong)\")",
    re.IGNORECASE,
)
_FLAG = re.compile(r":\s{0,9}(?:(true)|false)\b", re.IGNORECASE)
_ITEM = re.compile(r"\"((?:[^\"\\]|\\.){0,500})\"|'([^'\n]{0,500})'|([^\s,\[\]]+)")


def judged(text: str) -> str | None:
    """The chosen letters of JSON that judges every option, joined by commas; None for other text and when cut off."""
    if not _is_json(text) or not text.rstrip(" \t\r\n`").endswith(("}", "]")):
        return None
    verdicts = _judged_objects(text) or [
        (letter, verdict.lower() in ("true", "1", '"yes"', '"correct"', '"true"'))
        for letter, verdict in _JUDGED.findall(text)
    ]
    return ", ".join(letter for letter, is_chosen in verdicts if is_chosen) if len(verdicts) > 1 else None


def _is_json(text: str) -> bool:
    start = text.lstrip(" \t\r\n`").removeprefix("json").lstrip()
    return bool(re.match(r"\[?\s{0,20}\{", start))


def answer(text: str) -> str | None:
    """The value of the last answer key of a text that is JSON (or starts as JSON); a list joined by commas."""
    if not _is_json(text):
        return None
    for keys in (_ANSWER, _NAMED):
        found = [match.group("value") for match in keys.finditer(text)]
        if keys is _NAMED and len(found) != 1:
            return None
        if found:
            return ", ".join("".join(parts) for parts in _ITEM.findall(found[-1]))
    return None


def _judged_objects(text: str) -> list[tuple[str, bool]]:
    """(letter, whether it is chosen) of `{"option": "A", "selected": true}` or `"A": {"correct": true}`, each."""
    found = []
    for key, inside in _JUDGED_OBJECT.findall(text):
        named, verdict = _ITS_OPTION.search(inside), _ITS_VERDICT.search(inside)
        if verdict is None and len(_FLAG.findall(inside)) == 1:
            verdict = _FLAG.search(inside)
        if (key or named) and verdict:
            found.append((key or named.group(1), bool(verdict.group(1))))
    return found


def is_cut_off(text: str) -> bool:
    """Whether `text` starts as JSON and ends before any of its objects is closed."""
    return _is_json(text) and "}" not in text
