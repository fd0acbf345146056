"""Rules against text that says one thing over and over: one unit written end to end, n-grams that return."""

from __future__ import annotations

from itertools import islice

from ecomct.rules.rule import MOST_CHARS, Passage, rule

_MOST_UNIT = 8
_ENDS = " .!?~,;。、…-*"
# By length of the text, so that what returns by chance stays rare: (fewer than so many characters, n of characters, of words).
_SCALE = ((100, 4, 2), (1000, 6, 3), (MOST_CHARS + 1, 10, 5))


@rule(
    "max_copies",
    dict.fromkeys(("title", "description", "review", "question", "answer", "article", "dialogue", "web"), 4),
    "Four times for emphasis is speech ('好好好好'); more is a hand that fills a form.",
    "count",
)
def copies(passage: Passage) -> float:
    """How often a unit of at most eight characters, written end to end, makes the whole text (1: it does not).

    >>> copies(Passage("好好好好好好好好!!")), copies(Passage("很好,很好,很好")), copies(Passage("good")), copies(Passage("好"))
    (8.0, 2.666..., 1.0, 1.0)
    """
    text = passage.text.rstrip(_ENDS)
    length = len(text)
    if length > MOST_CHARS:
        text, length = text[:MOST_CHARS], MOST_CHARS
    # A unit of u characters stands again where it stood, u further on: most texts fail at the first look.
    for unit in range(1, min(_MOST_UNIT, length // 2) + 1):
        if text[unit] == text[0] and text[unit:] == text[:-unit]:
            return length / unit
    return 1.0


@rule(
    "max_repeated_ngrams",
    {
        "title": 0.6,
        "description": 0.6,
        "review": 0.6,
        "question": 0.6,
        "answer": 0.6,
        "article": 0.5,
        "dialogue": 0.6,
        "web": 0.5,
    },
    "More than half of what is said was said before in the same text.",
)
def repeated_ngrams(passage: Passage) -> float:
    """Share of n-grams that stood before in the text; n grows with its length.

    Characters, or words in English text that has spaces. Text of fewer than 20 characters, and text most of whose
    characters are different, counts as 0: no n-gram of note can return. Looks at the first 65,536 characters.

    >>> repeated_ngrams(Passage("质量很好,质量很好,质量很好,质量很好,质量很好,质量很好"))
    0.807...
    >>> repeated_ngrams(Passage("good product " * 5, language="en")), repeated_ngrams(Passage("质量很好,物流也很快"))
    (0.777..., 0.0)
    """
    text = passage.text
    if len(text) < 20:
        return 0.0
    if len(text) > MOST_CHARS:
        text = text[:MOST_CHARS]
    _, characters, words = next(step for step in _SCALE if len(text) < step[0])
    if passage.language == "en":
        spaced = text.split()
        # Not one endless word.
        if len(spaced) * 12 > len(text):
            grams = len(spaced) - words + 1
            return (
                1 - len(set(zip(*(islice(spaced, start, None) for start in range(words)), strict=False))) / grams
                if grams > 1
                else 0.0
            )
    if 2 * len(set(text)) > len(text):
        return 0.0
    grams = len(text) - characters + 1
    return 1 - len({text[start : start + characters] for start in range(grams)}) / grams
