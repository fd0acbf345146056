"""What of an answer stays though many rows share it: its figures, the sentences said with them, more than a courtesy.

A shop answers one question a hundred times in the same words. Frequency alone takes that for boilerplate.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

# A number of two to five digits is a fact (57,000 pieces, 15 bars); parts of telephone numbers are not. A single one is a
# fact before a unit or a further number (3到5个工作日), not as the number of an item ("2. Wash it").
_FIGURE = re.compile(
    r"""(?<![\d-])\d{2,5}(?![\d-])
    |(?<![\d.A-Za-z-])\d\s?(?:(?:[-~到至或]|to|or)\s?\d{1,2}\s?)?
        (?:[个天日周月年时分秒元块折件枚套张次斤克倍米层楼岁只条片瓶盒袋%]|小时|星期|工作日|公斤|公里
        |(?:business\s|working\s)?(?:day|hour|hr|minute|week|month|year|time|piece|inch|feet|foot|cup|lb|pound|ounce|oz)s?\b)
    |[一二两三四五六七八九十]{1,3}(?:[到至或][一二两三四五六七八九十]{1,3})?个?(?:工作日|小时|天|周|星期|月|年|元|分钟)""",
    re.IGNORECASE | re.VERBOSE,
)
# A clause that only greets, thanks or asks for patience; what else it holds is a few characters.
_COURTESY = re.compile(
    r"""亲|.{0,8}[您你]好|.{0,4}(?:感谢|谢谢|感激).{0,8}|.{0,4}祝[您你大].{0,10}|.{0,4}欢迎.{0,8}(?:光临|惠顾|选购|咨询)
    |请?您?再?耐心等[待候].{0,4}|.{0,12}[请望]您?(?:谅解|见谅|理解|期待)|.{0,6}(?:抱歉|不好意思|对不起).{0,2}
    |.{0,3}高兴为您(?:服务|解答)|.{0,6}购物愉快|再见
    |(?:hi|hello|dear)(?:\s\S+){0,3}|.{0,12}\bthank(?:s|\syou)\b.{0,40}|.{0,20}\bsorry\b.{0,20}|.{0,12}\bregards\b.{0,20}
    |have\sa\s\w+\s(?:day|time)|(?:you(?:'re|\sare)\s)?welcome.{0,20}|i?\s?hope\sthis\shelps|.{0,12}(?:glad|happy)\sto\shelp.{0,20}""",
    re.IGNORECASE | re.VERBOSE,
)
_CLAUSES = re.compile("[,、\n]")
_EDGES = " .。!?;~\u2026,\"'()*"


def holds_figure(piece: str) -> bool:
    """Whether a sentence of an answer or description holds a number of its own, which makes it a fact.

    >>> [holds_figure(piece) for piece in ("一般3到5个工作日能够审核完毕", "it takes 2 days", "2. wash it", "感谢您的支持")]
    [True, True, False, False]
    """
    return _FIGURE.search(piece) is not None


def with_what_goes_with(facts: Collection[str], beside: Mapping[str, Counter[str]], rows: Mapping[str, int]) -> set[str]:
    """`facts` and the sentences of the same stock answers: those that stand next to one of them in most of their rows.

    `beside` counts for each sentence the rows in which another stands next to it, `rows` those that it is in. What is found
    draws its own neighbours in. Cost: a look at each pair for each round, of which there are few.

    >>> sorted(with_what_goes_with({"a"}, {"b": Counter(a=9), "c": Counter(b=8), "d": Counter(a=3)}, {"b": 9, "c": 9, "d": 9}))
    ['a', 'b', 'c']
    """
    found = set(facts)
    more = True
    while more:
        drawn = {
            piece
            for piece, others in beside.items()
            if piece not in found and any(other in found and 2 * count > rows[piece] for other, count in others.items())
        }
        found |= drawn
        more = bool(drawn)
    return found


def still_answers(rest: Iterable[str], whole: Iterable[str]) -> bool:
    """Whether the sentences `rest` of an answer are still that answer: at least half of what it says besides courtesies.

    >>> still_answers(["有的。"], ["有的。", "祝您购物愉快!"]), still_answers(["请耐心等待"], ["审核很慢。", "请耐心等待"])
    (True, False)
    >>> still_answers(["It is red."], ["It is red.", "It comes from a farm in the north."])
    False
    """
    said = _said(rest)
    return said > 0 and _said(whole) <= 2 * said


def _said(pieces: Iterable[str]) -> int:
    """Characters of the sentences that are more than a courtesy."""
    bare = (piece.strip(_EDGES) for piece in pieces)
    return sum(len(piece) for piece in bare if piece and not _is_courtesy(piece))


def _is_courtesy(sentence: str) -> bool:
    return all(_COURTESY.fullmatch(clause.strip(_EDGES)) for clause in _CLAUSES.split(sentence) if clause.strip(_EDGES))
