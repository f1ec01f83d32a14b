"""Words that only describe: `big` and `red` of "a big red mug", which names a mug."""

import re

from lmms_eval_drbench.answers.phrases import tokens

COLOURS = frozenset(
    tokens(
        "red blue green yellow black white gray brown orange pink purple beige golden silver tan cream turquoise "
        "violet maroon teal navy lime olive burgundy khaki lavender magenta cyan "
        "indigo crimson ivory"
    )
)
_MODIFIERS = COLOURS | frozenset(
    tokens(
        "dark light bright deep vivid pale big low high small large little tiny huge giant tall short long wide narrow "
        "thick thin "
        "old new young modern vintage antique wooden woolen woollen metal metallic plastic glass steel iron "
        "brass copper "
        "leather wicker woven straw ceramic cardboard rubber cotton wool denim silk velvet knitted stone brick "
        "concrete "
        "marble bamboo terracotta clay "
        " porcelain enamel round square oval rectangular triangular flat curved curly bent "
        "straight single very quite really extremely vertical horizontal diagonal "
        "fresh open closed empty full half striped plain colorful shiny dirty dusty rusty muddy sandy snowy wet "
        "dry clean "
        "broken cracked worn soft hard heavy sharp ripe raw juicy sweet hot cold warm tame wild stray sleepy happy sad "
        "cute lovely beautiful pretty nice simple ordinary typical traditional bare lone furry tabby fluffy "
        "hairy woolly 1"
    )
)
"""Words before a named thing that only describe it: "a big red mug" names a mug. "Toy" isn't one: "a toy car"."""
_DESCRIBES = re.compile(r"\w{2,20}(?:ish|ful|less|ous|ed|sized|shaped)|\w{3,20}(?:ff|gg|tt|nn|rr|ll|zz|dd|mm|pp|bb)y")
"""Endings of words that describe and name nothing: `greenish`, `spotted`, `fluffy`."""
_NOT_ONLY_DESCRIBING = frozenset(
    tokens("teddy puppy kitty granny nanny bunny jelly berry cherry ferry red bed seed weed")
)
_CHINESE_MODIFIERS = frozenset("红蓝绿黄黑白灰棕紫粉橙金银大小长短新旧圆方")


def is_description(token: str) -> bool:
    """Whether a word only describes: a colour, a size, a material, a state."""
    return (
        token in _MODIFIERS
        or token in _CHINESE_MODIFIERS
        or bool(_DESCRIBES.fullmatch(token))
        and token not in _NOT_ONLY_DESCRIBING
    )
