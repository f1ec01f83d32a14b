"""What a review found, as the section of a data card."""

from collections.abc import Mapping
from typing import Any

from lmms_eval_drbench.markdown import escape, percent, table


def markdown(review: Mapping[str, Any], old_card: str | None = None) -> str:
    """The section. review: `application.summary` and `of`. old_card: the file with the card of the data before."""
    of, counts = review["of"], review["questions"]
    parts = [
        "## Human verification",
        f"Made of {escape(of['name'])} (fingerprint `{of['fingerprint']}`, {of['questions']} questions)"
        f"{f', whose card is {old_card}' if old_card else ''}. What reviewers decided differently was dropped.",
        table(
            ["reviewer", "decided", "accepted", "rejected", "fixed"],
            [
                [escape(name), *[str(row.get(key, 0)) for key in ("decided", "accept", "reject", "fix")]]
                for name, row in review["reviewers"].items()
            ],
        ),
        "Questions: " + ", ".join(f"{count} {fate}" for fate, count in counts.items()) + ". " + _dropped(review),
        _faulty(review["faulty"]),
    ]
    if review["agreement"]:
        rows = [
            [
                escape(" and ".join(row["reviewers"])),
                str(row["questions"]),
                percent(row["same"]),
                "–" if row["kappa"] is None else f"{row['kappa']:.2f}",
            ]
            for row in review["agreement"]
        ]
        parts.append(table(["agreement of", "questions", "same %", "Cohen's kappa"], rows))
    rows = [
        [escape(name), *[str(row[key]) for key in ("reviewed", "rejected", "disputed", "fixed")]]
        + [percent(row["reject_rate"]), percent(row["fix_rate"])]
        for name, row in review["families"].items()
    ]
    header = ["family", "reviewed", "rejected", "disputed", "fixed", "rejected or disputed %", "fixed %"]
    parts.append(table(header, rows))
    if review["without_logic"]:
        count = len(review["without_logic"])
        parts.append(
            f"{count} fixed questions have an empty logic step, because theirs led to another answer "
            "(`without_logic` in stats.json)."
        )
    return "\n\n".join(parts) + "\n"


def _dropped(review: Mapping[str, Any]) -> str:
    if not review["dropped"]:
        return "None was dropped."
    return "Dropped: " + "; ".join(f"{count} {reason}" for reason, count in review["dropped"].items()) + "."


def _faulty(faulty: Mapping[str, Any]) -> str:
    low, high = faulty["interval"]
    spread = "" if low is None or high is None else f" (95 % interval {percent(low)} to {percent(high)}, by picture)"
    return f"Not accepted as they were: {percent(faulty['share'])} % of {faulty['of']}{spread}."
