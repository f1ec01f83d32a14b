"""Chinese answers, rewritten into the few English forms that the readers know.

`故选AC。` becomes `the answer is AC.`, `答案不是A,而是B` becomes `the answer is not A but B`. Only what frames an
answer is rewritten: an option's text or an open answer stays as it was. Text without Chinese characters is not touched.
Punctuation is expected in its NFKC form, where full-width signs other than the full stop are ASCII.
"""

import re

CHARACTER = r"\u3400-\u4dbf\u4e00-\u9fff"
"""Chinese characters, as the inside of a regular expression's class."""

REFUSAL = (
    r"(?:无法|不能|没法|难以|无从|没有办法)(?:直接|准确|清楚|清晰)?(?:地)?(?:查看|回答|确定|判断|看到|看清|识别|辨认|辨别|提供|得知|"
    r"得出|分辨|作答|访问)|抱歉|对不起|看不清|不清楚|不确定|作为一个?(?:AI|人工智能|语言模型|助手)|信息不足|太模糊|请(?:重新)?(?:提供|上传)"
)
PREAMBLE = (
    r"首先|让我们|让我|我们(?:需要|先|来|可以)|我(?:先|来|需要)|"
    r"要(?:确定|判断|回答)|接下来|然后|根据(?:图片|图像|题目)[,:]?$|步骤"
)
NEGATIONS = frozenset("不没无非未否")
FILLERS = frozenset("是的在有了着它他她这那图中片像里面内可以看出到见答案应该为整正能从于上色我们个只地处位共")
ALTERNATIVES = frozenset("或和与及跟")

_BRACKETS = str.maketrans("【】「」『』〔〕", "[][][][]")
HAS_CHINESE = re.compile(f"[{CHARACTER}]")
_SEAM = re.compile(rf"(?<=[{CHARACTER}])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[{CHARACTER}])")
_LETTER = r"[\"'(\[]?[A-H][\"')\]]?(?![A-Za-z])"
_LETTERS = rf"(?:[A-H]{{2,8}}(?![A-Za-z])|{_LETTER}(?:\s?(?:,|、|and)\s?{_LETTER}){{0,7}})"
_SO = r"(?:(?:所以|因此|因而|故|综上所述|综上|综合来看|由此可见|由此可知|可见|总之|总的来说|那么|于是)[,:]?\s?)"
_SURELY = r"(?:应该|应当|应|就|显然|可能|只能|只有|最终|最有可能|最可能|便|则|分别|均|都|必然|很可能)?"

_RULES = [
    (re.compile(pattern), english)
    for pattern, english in (
        (r"\[答案\]:?", " the answer is: "),
        *(
            (
                rf"(?:第\s?{numeral}\s?(?:个|项|条)?(?=\s?(?:选项|答案|和|,|、|与|$|。))|(?<=选)第{numeral}个)\s?(?:选项|答案)?",
                letter,
            )
            for numeral, letter in zip("一二三四五六七八", "ABCDEFGH", strict=True)
        ),
        (r"最后一(?:个选项|项)", " the last option "),
        ("一共|总共|共计", "共"),
        (
            r"除了?([^,;.A-H。都全均]{1,40})(?:以外|之外|外)?,?\s?(?:其[他余它]的?)?(?:全|都|均|皆)+(?!不|没|错)",
            r" all except \1. ",
        ),
        (rf"^\s?({_LETTERS}(?:(?:和|与|以及|及|、)\s?{_LETTERS})*)\s?(?:都|均)(?!不|没|无|错)", r" the answer is \1, "),
        (rf"([A-H])\s?选?项\s?(?:和|与|以及|及|跟)\s?(?={_LETTER})", r"\1 and "),
        (rf"^\s?是\s?(?={_LETTERS})", " the answer is "),
        ("。", ".\n"),
        (rf"([!?])(?=[{CHARACTER}])", r"\1\n"),
        (rf"(?<=[A-H\])])\s?,?(?:和|与|以及|及|跟|还有)\s?(?=(?:选项)?\s?{_LETTER})", " and "),
        (rf"(?<=[A-H\])])\s?(?:或者|或是|或|还是)\s?(?=(?:选项)?\s?{_LETTER})", " or "),
        (r"([A-H])\s?(?:这个|这一|这两个|两个)?(?:选项|项)", r"option \1 "),
        (rf"选项\s?(?={_LETTER})", " option "),
        (rf",?\s?(?:也|或者?|又)(?:可能|许|会)\s?(?:是|选)(?:择)?\s?(?={_LETTERS})", " or "),
        (
            rf"({_LETTERS})\s?(?:option )?(?:都|均)?(?:在|有|是|属于|能|可以|会|出现)"
            rf"[^,.;不没\n]{{0,20}}[,;]\s?(?:而|但)?\s?"
            rf"(?:option )?{_LETTERS}\s?(?:option )?(?:都|均|则|就)?(?:不|没|无)"
            rf"(?![^.。;\n]{{0,40}}[,;]\s?{_LETTERS})",
            r" \1 is correct, the others are not ",
        ),
        (
            rf"(?:我(?:觉得|认为|猜|想)|大概|可能|应该|显然|肯定|一定|估计|似乎|好像|看来)+"
            rf"(?:就)?是\s?(?=(?:option )?{_LETTERS})",
            " the answer is ",
        ),
        (rf"({_LETTERS})\s?(?:option )?(?:都|均|也)?(?:可以|行|可行|对|合适)(?=\s?(?:[,.;]|$|\n))", r" \1 is correct "),
        (
            rf"(?:只有|唯有|仅有|仅|只)\s?(?:option )?({_LETTERS})\s?(?:option )?"
            rf"(?!.{{0,8}}(?:错|不对|不正确|不符合|排除|没))",
            r" the answer is \1, ",
        ),
        (
            rf"(?:除了?|除去)\s?(?:option )?({_LETTERS})\s?(?:以外|之外|外)?,?\s?(?:其(?:他|余|它))?"
            rf"(?:的)?(?:选项)?(?:全部|全|都|均|皆)(?!不|没|错)",
            r" all except \1, ",
        ),
        (
            rf"{_SO}?(?:正确|最终)?(?:的)?(?:答案|选项)?{_SURELY}不(?:应该|应|能|该)?(?:是|选|为)(?:择)?\s?(?:option "
            rf")?({_LETTERS})\s?,?\s?"
            r"(?:而|而应|而应该|应该|应|正确的)?(?:是|选|为)(?:择)?\s?",
            r" the answer is not \1 but ",
        ),
        (
            rf"(?:正确|最终)?(?:的)?(?:答案|选项)?{_SURELY}不(?:应该|应|能|该)?(?:是|选|为)(?:择)?\s?(?:option "
            rf")?({_LETTERS})",
            r" the answer is not \1",
        ),
        (
            rf"{_SO}?(?:我)?(?:的)?(?:(?:正确|最终|最佳|最后|标准|参考|合适)(?:的)?(?:答案|选项|选择|结论)|答案|结论)"
            rf"{_SURELY}(?:是|为|选择|选|:|=)+\s?:?(?:选择|选)?",
            " the answer is: ",
        ),
        (rf"(?:我的)?(?:选项|选择){_SURELY}(?:是|为|:)+ ?:? ?(?={_LETTERS})", " the answer is: "),
        (r"最?(?:正确|合适|符合(?:题意|条件|要求)?)的(?:就)?(?:是|为|有):?", " the answer is: "),
        (rf"答案\s?(?={_LETTER})", " the answer is: "),
        (
            rf"{_SO}?(?:我|本题|此题|这题)?(?:会|认为|觉得)?{_SURELY}(?<!不)(?:选|挑)(?:择|取|定|出)?(?:了|的是)?\s?:?\s?"
            rf"(?=(?:option )?{_LETTERS})",
            " the answer is ",
        ),
        (
            rf"({_LETTERS})\s?(?:才|都|均|也)?是?(?:唯一|最)?(?:正确|符合题意|符合条件|合适)(?:的)?(?:答案|选项)?",
            r"\1 is correct",
        ),
        (r"[三四五]个(?:选项)?(?:都|均|全)(?:对|正确|符合|选)|全都?对", " all of the above"),
        (r"(?:以上)?(?:选项)?(?:全选|全部正确|全都正确|以上都是|以上皆是|以上全部|都正确)", " all of the above"),
        (rf"(?:也就是|即)\s?(?=(?:option )?{_LETTERS})", " the answer is "),
        (rf"(?:应该是|应当是|应是|应为|其实是)\s?(?=(?:option )?{_LETTERS})", " the answer is "),
        (r"[,;]?\s?而是", "; it is "),
        (r"(?:等等|等一下|不对|更正|纠正一下|纠正|修正)(?=\s?[,:.!])", " Wait"),
        (r"(?<=[\n,.;!?])\s?(?:其实|实际上|仔细一?看|再看一?[下遍次]|重新看)(?=,)?", " Actually"),
        (rf"(?:^|,|(?<=[\n.;!?]))\s?{_SO}(?!$)", "\nSo, "),
    )
]


def anglicised(text: str) -> str:
    """`text` with its Chinese framing in English; unchanged without Chinese. Linear in the length of `text`."""
    text = text.translate(_BRACKETS)
    if not HAS_CHINESE.search(text):
        return text
    text = _SEAM.sub(" ", text)
    for pattern, english in _RULES:
        text = pattern.sub(english, text)
    return text


_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九十")} | {"两": 2, "〇": 0}
NUMERAL = r"[零〇一二两三四五六七八九十百]{1,5}"
MEASURE = "个只辆位张把条本名件台艘架匹头座盏朵棵块支根双对群杯碗瓶盆束幅扇"
"""Measure words: `三个人`, `一辆车`. Between a number and its noun they carry no meaning."""


def number(numeral: str) -> str:
    """`12` for `十二`; the numeral itself where it is no number below a thousand."""
    total, digit = 0, 0
    for char in numeral:
        if char == "百":
            total += (digit or 1) * 100
            digit = 0
        elif char == "十":
            total += (digit or 1) * 10
            digit = 0
        elif digit:
            return numeral
        else:
            digit = _DIGITS[char]
    return str(total + digit)
