"""What differs between two texts that are alike, and whether it makes them different facts.

In a short text one word is the fact: another size, colour, model, number or a "not" makes another row of the same
template. So a change is looked at word by word (Chinese: character by character), and whatever is not known to be
harmless keeps the two rows apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

Reason = Literal["", "number", "fact", "words"]
# Words whose characters say another thing one by one ("not bad", "size"); numbers with their signs inside, models, Latin
# words, other characters one by one. Signs and white space are no token.
_TOKEN = re.compile(
    r"不错|不仅|不但|不过|非常|特别|无论|大小|多少"
    r"|[a-z]*\d+(?:[-.,:/x×*]?[a-z\d]+)*[%°]?|[a-zà-öø-ÿāăą-ſ]+(?:'[a-z]+)?|[^\W_]|[+%#&°]"
)
_DIGIT = re.compile(r"\d")
_THOUSANDS = re.compile(r"\b(\d{1,3})((?:,\d{3})+)\b")
_NOT = "no not never none without cannot nor neither nothing"
_NEGATIONS = frozenset("不没無无非未别莫勿") | frozenset(_NOT.split())
# Colours, materials that name a variant, sizes, sides, whom it is for, numerals, units.
_FACTS_ZH = """红紅橙黄黃绿綠青蓝藍紫黑白灰粉棕褐咖金银銀铜銅铁鐵大小长長短高低厚薄宽寬窄男女童婴嬰左右
    二三四五六七八九十百千万萬亿億双雙单單半零春夏秋冬升克斤寸码碼"""
_FACTS_EN = """red orange yellow green blue purple violet black white grey gray pink brown gold silver bronze beige navy ivory
    cream small medium large big mini short long tall wide narrow thick thin xs s m l xl xxl xxxl left right upper lower front
    back men women man woman male female mens womens boys girls kids baby adult one two three four five six seven eight nine
    ten eleven twelve half double single triple first second third pack inch inches cm mm kg g lb oz ml"""
_FACTS = frozenset("".join(_FACTS_ZH.split())) | frozenset(_FACTS_EN.split())
_LIGHT = frozenset("的地得了着過过啊呀吧呢吗嗎嘛哦噢喔嗯哈呵嘿啦哟哇呐很真太挺蛮还還也就都又")
# Latin words this alike are one word and a slip of the pen, or its plural.
_SAME_WORD, _SHORTEST_WORD = 85.0, 4
# Tokens from which an added stretch is a clause, a detail of what people write, and not a word that changes another;
# and tokens of a text that may begin or end in other words.
_CLAUSE, _LONG = 4, 40


def tokens(text: str) -> list[str]:
    """Words and characters of `text`, in lower case.

    >>> tokens("2-pack USB-C, 5.5 kg 红色T恤!"), tokens("don't 1,000 X100")
    (['2-pack', 'usb', 'c', '5.5', 'kg', '红', '色', 't', '恤'], ["don't", '1000', 'x100'])
    """
    text = text.casefold()
    if "," in text:
        text = _THOUSANDS.sub(lambda number: number[1] + number[2].replace(",", ""), text)
    return _TOKEN.findall(text)


def difference(first: str, second: str, written: bool, is_repetition: bool = False) -> Reason:
    """Why two similar texts are different rows, "" where they are not.

    `written`: what people write (reviews, answers), which may be cut off or go on at either end; texts of the
    catalogue may not, if what is missing names a number, size, colour or the like. `is_repetition`: all shingles are
    common, so that only what is repeated ("good good good") or the order differs. Cost: tokens squared / 64.

    >>> difference("质量很好,物流很快", "质量很好啊,物流很快!", True), difference("红色的杯子很好", "蓝色的杯子很好", True)
    ('', 'fact')
    >>> difference("fits most pools", "fits most pool", False), difference("500 pieces in a box", "1000 pieces in a box", True)
    ('', 'number')
    """
    one, two = tokens(first), tokens(second)
    if len(one) > len(two):
        one, two = two, one
    if one == two:
        return ""
    if is_repetition:
        numbers = [[token for token in some if _DIGIT.search(token)] for some in (one, two)]
        return "" if numbers[0] == numbers[1] else "number"
    if two[: len(one)] == one or (written and _is_cut(one, two)):
        return _extension(one[-1:], two[len(one) :], written, len(two))
    if two[len(two) - len(one) :] == one:
        return _extension(one[:1], two[: len(two) - len(one)], written, len(two))
    last: Reason = ""
    for left, right in _blocks(one, two):
        before, after = one[left], two[right]
        at_start, at_end = left.start == right.start == 0, left.stop == len(one) and right.stop == len(two)
        reason = _block(before, after, written)
        if reason and (at_start or at_end) and not (before and after):
            beside = one[left.stop : left.stop + 1] if at_start else one[max(left.start - 1, 0) : left.start]
            reason = _extension(beside, before + after, written, len(two))
        elif reason in ("fact", "words") and (at_start or at_end) and written and len(two) >= _LONG:
            # Another beginning or end of the same long text; one word there may still be its point.
            reason = "" if reason == "words" or max(len(before), len(after)) >= _CLAUSE else reason
        if reason and reason != "words":
            return reason
        last = last or reason
    # Words that are missing in one place and stand in another are a matter of order.
    left_over = Counter(one) - Counter(two), Counter(two) - Counter(one)
    return last if all(left_over) else ""


def _is_cut(one: list[str], two: list[str]) -> bool:
    """Whether `one` is the beginning of `two`, cut off inside a word."""
    at = len(one) - 1
    return at > 0 and one[:at] == two[:at] and two[at].startswith(one[at])


def _blocks(one: list[str], two: list[str]) -> list[tuple[slice, slice]]:
    """Stretches that differ, with nothing equal inside."""
    numbers = {token: number for number, token in enumerate(dict.fromkeys(one + two))}
    found: list[tuple[slice, slice]] = []
    for step in Levenshtein.opcodes([numbers[token] for token in one], [numbers[token] for token in two]):
        if step.tag == "equal":
            continue
        if found and found[-1][0].stop == step.src_start and found[-1][1].stop == step.dest_start:
            left, right = found.pop()
            found.append((slice(left.start, step.src_end), slice(right.start, step.dest_end)))
        else:
            found.append((slice(step.src_start, step.src_end), slice(step.dest_start, step.dest_end)))
    return found


def _block(one: Sequence[str], two: Sequence[str], written: bool) -> Reason:
    """Whether one stretch in place of another, either of which may be empty, changes the fact."""
    if "".join(one) == "".join(two):
        return ""
    changed = [*one, *two]
    if written and not (one and two) and len(changed) >= _CLAUSE:
        return ""
    if any(map(_DIGIT.search, changed)):
        return "number"
    if any(_is_fact(token) for token in changed):
        return "fact"
    if not one or not two or _LIGHT.issuperset(changed):
        return ""
    alike = len(one) == len(two) and all(_is_slip(left, right) for left, right in zip(one, two, strict=True))
    return "" if alike else "words"


def _extension(beside: Sequence[str], more: Sequence[str], written: bool, length: int) -> Reason:
    """Whether a text that goes on (with `more`, next to `beside`) says another thing than the one that does not."""
    if not written:
        return _block((), more, written)
    if any(map(_DIGIT.search, beside)):
        return "number"  # 500 and 500 kg
    # A text that is cut off is the same text, but one that ends in "not" is not.
    is_point = length < _LONG and len(more) < _CLAUSE and any(_is_negation(token) for token in more)
    return "fact" if is_point else ""


def _is_negation(token: str) -> bool:
    return token in _NEGATIONS or token.endswith("n't")


def _is_fact(token: str) -> bool:
    return token in _FACTS or _is_negation(token)


def _is_slip(one: str, two: str) -> bool:
    if one == two:
        return True
    # "usable" and "unusable" are alike and opposite.
    opposite = one.endswith(two) or two.endswith(one)
    return min(len(one), len(two)) >= _SHORTEST_WORD and not opposite and fuzz.ratio(one, two) >= _SAME_WORD
