"""Language of a text by its script: right on a three-character title, where identifiers guess.

Shop text is short, and most of it is Chinese or English, which scripts tell apart. A statistical identifier is asked
only where script says nothing: long Latin text without the words that any English prose has. Characters that
only one form of Chinese has are those that OpenCC converts and the other form's character set lacks.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_HAN_RANGES = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3134F))
# Scripts that name a language, by their most written one. U+306E (no), U+30FB and U+30FC are left out: Chinese uses them.
_SCRIPTS: dict[str, tuple[tuple[int, int], ...]] = {
    "ja": ((0x3041, 0x306D), (0x306F, 0x3096), (0x30A1, 0x30FA), (0x31F0, 0x31FF), (0xFF66, 0xFF9D)),
    "ko": ((0x1100, 0x11FF), (0x3131, 0x318E), (0xAC00, 0xD7A3)),
    "ru": ((0x0400, 0x052F),),
    "el": ((0x0370, 0x03FF), (0x1F00, 0x1FFF)),
    "he": ((0x05D0, 0x05F2),),
    "ar": ((0x0620, 0x06D3), (0x0750, 0x077F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)),
    "hi": ((0x0904, 0x0939), (0x0958, 0x0961)),
    "bn": ((0x0985, 0x09B9),),
    "ta": ((0x0B85, 0x0BB9),),
    "te": ((0x0C05, 0x0C39),),
    "th": ((0x0E01, 0x0E30), (0x0E40, 0x0E46)),
    "ka": ((0x10A0, 0x10FF),),
    "hy": ((0x0531, 0x0587),),
    "my": ((0x1000, 0x102A),),
    "km": ((0x1780, 0x17B3),),
    "lo": ((0x0E81, 0x0EB0),),
}
_CODE_POINT = np.dtype("<u4")
_CODES = ("", "zh", "zh-Hans", "zh-Hant", "en", *_SCRIPTS)
# Chinese pages quote Japanese names: 《春風》(はるかぜ)是一部漫畫.
_QUOTED = re.compile(r"[(\uff08][^()\uff08\uff09\n]{1,80}[)\uff09]|「[^「」\n]{1,80}」|『[^『』\n]{1,80}』|《[^《》\n]{1,80}》")
# Addresses are Latin in every language.
_ADDRESS = re.compile(r"(?:https?://|www\.)[!-~]+")

# The identifier is not asked about shorter text, nor believed below this confidence. Measured on 23,800 titles, reviews,
# descriptions and articles of English sources: the 19 that it is sure of are foreign, the others stay below 0.45.
LONG_TEXT = 40
SURE = 0.9
# Characters that are looked at for the words below, and that the identifier reads.
_GLANCE, _READ = 600, 1500
# Words that English prose cannot do without, none of them a common word of another language in Latin letters.
_ENGLISH_WORDS = """the and this that with are you your they my but not would from it which there their what when has been
    these were only very than just because its into our other should could does how if"""
# Common words of other languages that are none of English: without two of them or accents no text is another's.
_OTHER_WORDS = """
    al como con de del el en es esta este la las los lo más muy para pero por que se su un una y au avec dans des du est et
    il je le les ne pas pour qui sur très une vous auch auf das dem den denn der die ein eine für hat ich immer ist mit
    nicht nur sehr sich sie und von wie wir zu che di della è molto non più questo sono com da em mas muito não o os uma
    dat een het ik maar met niet op te van voor zijn att av det för inte jag med och på som til og er ikke jest na nie
    się z jak że si pre za ve bir bu çok için cu și pentru az és hogy nem ja ei että ang mga ng sa và là không có yang
    dan untuk dengan ini itu tidak els amb ta kui ir uz ar kas nuk dhe një në kwa ya wa agus"""
_ENGLISH, _OTHER = frozenset(_ENGLISH_WORDS.split()), frozenset(_OTHER_WORDS.split())
_WORD = re.compile(r"[^\W\d_]+")
# Languages that shops write in Latin letters. Without the rare ones, which lists of parts and brands resemble.
_KNOWN = "en es fr de it pt nl pl sv da no fi cs sk sl hr ro hu tr vi id ms ca et lv lt sq tl sw az is ga"


class Letters(NamedTuple):
    """How many letters of each kind a text has; `script` is the most frequent of all others, by the code of its language."""

    han: int
    simplified: int
    traditional: int
    latin: int
    script: str
    others: int


def script_language(text: str) -> Literal["zh", "en"]:
    """`zh` where Han characters are a fifth or more of the letters, else `en`.

    A fifth, because Chinese titles carry long Latin brand and model names.

    >>> script_language("索尼 WH-1000XM5 无线降噪耳机"), script_language("Gift card 礼")
    ('zh', 'en')
    """
    if text.isascii():
        return "en"
    han = sum(map(len, _HAN.findall(text)))
    return "zh" if han and han * 4 >= sum(map(len, _LATIN.findall(text))) else "en"


def label(text: str) -> str:
    """The language of a text: an ISO code, `mixed` (much Chinese beside much Latin) or `und` (no letters).

    Chinese is `zh-Hans` or `zh-Hant` where characters of that form alone prevail, else `zh`. Latin text is `en` unless
    `foreign` says otherwise. Cost: 3 to 7 us for a title or review, else that of `foreign`.

    >>> [label(text) for text in ("汉", "故宮", "北京大", "L", "12%", "수분 크림", "かわいい財布")]
    ['zh-Hans', 'zh-Hant', 'zh', 'en', 'und', 'ko', 'ja']
    """
    if text.isascii():
        found = _foreign_latin(text) if len(text) >= LONG_TEXT else None
        return found[0] if found else "en" if _LATIN.search(text) else "und"
    letters = _own_letters(text)
    han, latin = letters.han, letters.latin
    if _is_of_another_script(letters):
        return letters.script
    if _is_mixed(letters):
        return "mixed"
    if han and han * 4 >= latin:
        simplified, traditional = letters.simplified, letters.traditional
        return "zh" if simplified == traditional else "zh-Hans" if simplified > traditional else "zh-Hant"
    found = _foreign_latin(text) if len(text) >= LONG_TEXT else None
    return found[0] if found else "en" if latin else "und"


def foreign(text: str) -> tuple[str, float] | None:
    """Code and confidence (0 to 1, three decimals) of a text that is surely neither Chinese nor English, else None.

    By script for eight letters of one or more, by the identifier for LONG_TEXT characters or more of Latin text. Brand names,
    lists of parts, code and capitals are English in doubt. Cost: 5 us and 5 ns a character that is not ASCII; Latin text
    costs a look at its words (of 600 characters, 6 us for a hundred); what then looks foreign costs the identifier
    0.6 us a character (of 1,500).

    >>> foreign("Отличный чайник, быстро закипает"), foreign("Bosch GSR 12V-15 FC 06019F6000")
    (('ru', 1.0), None)
    """
    if not text.isascii():
        letters = _own_letters(text)
        own, every = _own(letters), letters.han + letters.latin + letters.others
        if _is_of_another_script(letters) and letters.others >= 8 and own * 10 >= every * 7:
            return letters.script, round(own / every, 3)
        if letters.han * 10 > letters.latin or letters.others * 3 > letters.latin:
            return None
    return _foreign_latin(text) if len(text) >= LONG_TEXT else None


def count_letters(text: str) -> Letters:
    """Letters of a text by kind, those of addresses left out. Exact; 4 us and 5 ns a character."""
    if "://" in text or "www." in text:
        text = _ADDRESS.sub(" ", text)
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), _CODE_POINT)
    counts = np.bincount(_kinds().take(points), minlength=len(_CODES)).tolist()
    others = max(counts[5:])
    script = _CODES[counts.index(others, 5)] if others else ""
    return Letters(counts[1] + counts[2] + counts[3], counts[2], counts[3], counts[4], script, others)


def _own_letters(text: str) -> Letters:
    """Letters of a text; of Chinese that quotes Japanese names, those outside quotations and brackets."""
    letters = count_letters(text)
    if letters.script == "ja" and ("的" in text or "是" in text) and _is_of_another_script(letters):
        rest = count_letters(_QUOTED.sub(" ", text))
        if rest.han >= 8:
            return rest
    return letters


def _own(letters: Letters) -> int:
    """Letters of the other script's language: Japanese writes with Han characters too."""
    return letters.others + (letters.han if letters.script == "ja" else 0)


def _is_of_another_script(letters: Letters) -> bool:
    """Whether a script other than Han and Latin prevails: not for a brand's kana or the letters of a unit (10 kΩ)."""
    own, others = _own(letters), letters.others
    if others < 3 and (letters.script == "el" or others * 2 < letters.han + letters.latin + others):
        return False
    # Latin brands and models are long in every shop; one kana in five is Japanese.
    return others > 0 and others * 5 >= own and own * 3 >= letters.latin and own > letters.han - (own - others)


def _is_mixed(letters: Letters) -> bool:
    """Whether Chinese and Latin text both have a real share. A Han character weighs about three letters."""
    han, latin = 3 * letters.han, letters.latin
    return han >= 24 and latin >= 24 and min(han, latin) * 10 >= (han + latin) * 3


def _foreign_latin(text: str) -> tuple[str, float] | None:
    """Code and confidence where text in Latin letters is surely not English, else None."""
    start = text[:_GLANCE]
    words = start.lower().split()
    english = sum(map(_ENGLISH.__contains__, words))
    if english >= 2 and english * 20 >= len(words):
        return None
    if sum(map(_OTHER.__contains__, words)) < 2 and len(start.encode("utf-8", "surrogatepass")) < len(start) + 2:
        return None
    # Prose of any language is small letters for the most part; titles, brands and part lists are not.
    words = _WORD.findall(start)
    if sum(map(str.islower, words)) * 2 < len(words):
        return None
    language, confidence = _identifier().classify(text[:_READ])
    # Rounded: the last bits of a float may differ from one processor to the next.
    confidence = round(float(confidence), 3)
    return (language, confidence) if language != "en" and confidence >= SURE else None


@cache
def _identifier() -> Any:
    """py3langid's naive Bayes model, once a process: 0.3 s, 60 MB."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_KNOWN.split())
    return identifier


def _is_in(character: str, encoding: str) -> bool:
    try:
        return bool(character.encode(encoding))
    except UnicodeEncodeError:
        return False


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Kind of each code point, an index of _CODES. Made once a process: 0.2 s, 1.1 MB."""
    from opencc import OpenCC

    kinds = np.zeros(0x110000, dtype=np.uint8)
    for start, end in ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x24F), (0x1E00, 0x1EFF)):
        kinds[start : end + 1] = 4
    for kind, ranges in enumerate(_SCRIPTS.values(), 5):
        for start, end in ranges:
            kinds[start : end + 1] = kind
    for start, end in _HAN_RANGES:
        kinds[start : end + 1] = 1
    han = [chr(point) for point in range(0x3400, 0xA000) if kinds[point] == 1]
    for config, kind, encoding in (("s2t", 2, "big5"), ("t2s", 3, "gb2312")):
        converted = OpenCC(config).convert("\n".join(han)).split("\n")
        alone = [one for one, other in zip(han, converted, strict=True) if one != other and not _is_in(one, encoding)]
        kinds[[ord(one) for one in alone]] = kind
    return kinds
