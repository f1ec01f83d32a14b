"""From anything a model writes to its answer: `extract(text, record)` gives an `Answer`, with the reason.

`extraction` finds the text that answers; `choices` reads letters from it and `open_ended` free words; the other modules
each know one way of saying something. `matching` judges whether a free answer is an accepted one.
"""

from lmms_eval_drbench.answers.extraction import Answer, extract

__all__ = ["Answer", "extract"]
