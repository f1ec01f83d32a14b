"""What the answers cost: requests, tokens, money."""

import threading
from typing import Any

from lmms_eval_drbench.build.llm.client import Reply


class Tally:
    """Counts each distinct request once, whether its answer came over the wire or from the cache.

    So the sums belong to the data set and are the same after any number of interruptions; `new` is this run's part.
    """

    def __init__(self, price_in: float | None = None, price_out: float | None = None) -> None:
        self._prices = price_in, price_out
        self._replies: dict[str, tuple[int | None, int | None]] = {}
        self._lock = threading.Lock()
        self.new = 0

    def add(self, key: str, reply: Reply, is_new: bool) -> None:
        with self._lock:
            self._replies[key] = reply.prompt_tokens, reply.completion_tokens
            self.new += is_new

    def summary(self) -> dict[str, Any]:
        """Requests, tokens, how many answers did not say their tokens, and the cost where prices are known.

        Prices are per million tokens, in whatever currency the user thinks of.
        """
        with self._lock:
            counts = list(self._replies.values())
        tokens_in = sum(prompt or 0 for prompt, _ in counts)
        tokens_out = sum(completion or 0 for _, completion in counts)
        found: dict[str, Any] = {
            "requests": len(counts),
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "requests_without_token_counts": sum(None in pair for pair in counts),
        }
        price_in, price_out = self._prices
        if price_in is not None or price_out is not None:
            cost = (tokens_in * (price_in or 0.0) + tokens_out * (price_out or 0.0)) / 1e6
            found |= {"price_in": price_in or 0.0, "price_out": price_out or 0.0, "cost": round(cost, 4)}
        return found
