"""The circular control in lmms-eval: one document is one question, and asks one request for every rotation.

A document for each rotation would let `--limit` cut a question's set in two, and would weigh a question by its number
of options in the groups' means. lmms-eval accepts several requests of one document (`construct_requests` may return a
list) and hands all their answers to `process_results` at once, but its YAML has no key for it; so `plugin` calls
`rotate` on the loaded task. Each rotation has generation arguments of its own, because the adapters read a batch's
prompts and pictures through its first request.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from lmms_eval_drbench import controls


def rotate(task: Any) -> None:
    """Make a loaded task (lmms-eval's `ConfigurableTask` or `ConfigurableMessagesTask`) ask every rotation."""
    if not isinstance(task.construct_requests, partial):
        task.construct_requests = partial(_requests, task, task.construct_requests)


def _requests(task: Any, original: Callable[..., Any], doc_id: int, ctx: str, **kwargs: Any) -> list[Any]:
    """One request for each rotation of the record's options, in order."""
    records = controls.rotations(task.eval_docs_no_media[doc_id])
    return [
        _turned(task, original(doc_id, task.doc_to_text(record), **kwargs), turn) for turn, record in enumerate(records)
    ]


def _turned(task: Any, request: Any, turn: int) -> Any:
    """`request` (arguments: simple (text, generation, visuals, ...), chat (text, messages, generation, ...))."""
    arguments = list(request.arguments)
    place = next(index for index, argument in enumerate(arguments) if isinstance(argument, dict))
    arguments[place]["until"] = [f"{sentinel}<|rotation {turn}|>" for sentinel in arguments[place]["until"]]
    if place == 2:
        arguments[1] = partial(_messages, task, turn)
    request.arguments, request.idx = tuple(arguments), turn
    return request


def _messages(task: Any, turn: int, doc: dict[str, Any], **kwargs: Any) -> Any:
    return task.doc_to_messages(controls.rotated(doc, turn), **kwargs)
