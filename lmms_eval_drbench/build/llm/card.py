"""What the data card says about the model's part."""

from typing import Any

from lmms_eval_drbench import markdown
from lmms_eval_drbench.build.llm.stages import BLIND_TRIES, ROUNDS

_MEANING = {
    "malformed": "could not be read",
    "repeated": "asked about the same picture before",
    "visual_filter": f"answered without the picture, in {BLIND_TRIES} orders of the options (of twins: both)",
    "scene_filter": "does not fit the picture, or the model that sees it answers otherwise",
    "consistency": f"no annotation whose conclusion agrees with the answer in {ROUNDS} rounds",
    "refused": "the model or the endpoint gave no answer",
    "surplus": "more than was needed",
}


def section(stats: dict[str, Any]) -> str:
    """How a model made the data of `stats` (`pipeline`, `usage`, `missing`, `made_by`), as Markdown."""
    fate = stats["pipeline"]["fate"]
    lost = stats["pipeline"]["lost"]
    kept = sum(row["kept"] for row in fate.values())
    rows = [[name, _MEANING[name], str(lost[name])] for name in _MEANING]
    rows.append(["kept", "units of this data set", str(kept)])
    rounds = ", ".join(f"{count} in round {number}" for number, count in stats["pipeline"]["rounds"].items())
    missing = ", ".join(f"{count} {category}" for category, count in stats["missing"].items())
    used = stats["usage"]
    model = markdown.escape(stats["made_by"]["model"])
    silent = used["requests_without_token_counts"]
    cost = (
        f", cost {used['cost']} ({used['price_in']} in and {used['price_out']} out a million)" if "cost" in used else ""
    )
    return (
        "\n## Written by a model, verified by nobody yet\n\n"
        f"Questions, answers, key objects, boxes and chains were written by {model} and "
        "checked by the same model. **No human has verified them yet**; boxes are the model's own.\n\n"
        f"{f'Missing: {missing}.' if missing else 'Nothing is missing.'}\n\n"
        f"{kept + sum(lost.values())} candidates (a question, or a pair of twins):\n\n"
        f"{markdown.table(['stage', 'dropped because', 'candidates'], rows, text_columns=2)}\n\n"
        f"Annotations were consistent: {rounds or 'none'}.\n\n"
        f"{used['requests']} requests, {used['prompt_tokens']} prompt tokens, {used['completion_tokens']} completion "
        f"tokens{cost}{f'; {silent} answers did not say their tokens' if silent else ''}.\n"
    )
