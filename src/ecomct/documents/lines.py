"""Lines and sentences that do not belong to a text: what its source repeats, and foreign notices at its ends.

A text is cut into lines and these into sentences; what stays, stays as it was. Code, headings and everything
between are never touched. In doubt a line stays: a quotation, a name or a product line in the other script is content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ecomct.documents.answers import still_answers
from ecomct.documents.language import script_language
from ecomct.seeded import hash_text

_STOPS = "。.!?;~\u2026"
_CLOSING = "\"'\u201d\u2019」』》)]*_"
# A run of stops with the closing marks and white space behind it. Disjoint classes: linear.
_RUN = re.compile(rf"([{re.escape(_STOPS)}]+)[{re.escape(_CLOSING)}]*(\s*)")
_EDGE = " \t.。!?;~\u2026,:、-–—_*#>|=+\"'()[]{}《》「」“”‘’・·"
_FENCE, _MARKS = ("```", "~~~"), frozenset("`~#")
_HEADING = re.compile(r"#{1,6}\s")
# Lines that neither stand for a text nor end it: white space, rules, and the link definitions of Markdown.
_HOLLOW = re.compile(r"\W*\Z|\[[^\]\n]{1,80}\]:\s?\S+\Z")
# What marks a foreign line as a notice of whoever republished the text, and not as a part of it.
_CREDIT = re.compile(r"[(\[]?[\u4e00-\u9fff]{1,6}[)\]]?\s?:|本文|版权|转载|原创|扫码|关注|译注|\]\(https?://|©")
_NOTICE = re.compile(r"©|copyright|all rights reserved|powered by|share this|follow us|skip to content", re.I)
_SIGNS = ("©", "opyright", "OPYRIGHT", "ights ", "owered ", "hare ", "ollow ", "kip ")  # one of them is in every notice
_LINK = re.compile(r"\[[^\]\n]{0,200}\](?:\([^)\s]{0,400}\)|\[[^\]\n]{0,80}\])?|https?://[!-~]+")
_HAN = re.compile(r"[\u3400-\u9fff]")
_WITHIN = 8  # lines from either end among which a foreign notice is sought, those that are removed not counted
_LONG = 400  # characters from which a text of several lines has ends


@dataclass(frozen=True)
class Frequent:
    """Lines, and perhaps sentences, that a source repeats: hashes of their `plain` form. Small, cheap to hand to a worker.

    `heads` are their first two characters: nearly every other piece is told from them by these alone. In the rows of `kept_in`
    ("file index:line") they stay. With `of_answers` they stay too where what is left would be no answer.
    """

    hashes: frozenset[int] = frozenset()
    heads: frozenset[str] = frozenset()
    shortest: int = 0
    in_sentences: bool = False
    kept_in: frozenset[str] = frozenset()
    of_answers: bool = False

    @classmethod
    def of(
        cls, texts: Iterable[str], in_sentences: bool = True, kept_in: Iterable[str] = (), of_answers: bool = False
    ) -> Frequent:
        """Of texts in their `plain` form; `in_sentences`: sentences are looked up too, not only lines."""
        known = [text for text in texts if text]
        heads = frozenset(text[:2] for text in known)
        hashes, shortest = frozenset(map(hash_text, known)), min(map(len, known), default=0)
        return cls(hashes, heads, shortest, in_sentences, frozenset(kept_in), of_answers)

    def holds(self, piece: str) -> bool:
        """Whether a line or sentence is one of them, whatever its case and the punctuation around it."""
        if piece[:2] not in self.heads and piece.lstrip(_EDGE)[:2].casefold()[:2] not in self.heads:
            return False
        return hash_text(plain(piece)) in self.hashes


NOTHING = Frequent()


def plain(piece: str) -> str:
    """A line or sentence as it is compared: without case, spacing and the marks at its ends.

    >>> plain("**Thanks  for shopping!**"), plain("感谢您的支持~")
    ('thanks for shopping', '感谢您的支持')
    """
    return " ".join(piece.casefold().split()).strip(_EDGE)


def without_lines(text: str, frequent: Frequent, language: str) -> tuple[str, dict[str, int]]:
    """`text` (as clean_value gives it) without what is not its own, and how many pieces of which kind are gone.

    `line:boilerplate` counts lines and sentences that are `frequent`, `line:foreign` notices in another script at the ends
    of a long text. `language` is that of the source: zh, en or auto (of the text). "" where nothing remains.
    Guarantees: what stays is unaltered and in order (line ends and spaces beside a gap close up); a second
    pass finds nothing; linear. Cost: 0.2 us for a short field without candidates, 10 ns a character else.

    >>> without_lines("有货的。感谢您的支持,祝您购物愉快!", Frequent.of(["感谢您的支持,祝您购物愉快"]), "zh")
    ('有货的。', {'line:boilerplate': 1})
    """
    counts: dict[str, int] = {}
    if frequent.hashes and len(text) >= frequent.shortest:
        text = _without_frequent(text, frequent, counts)
    if len(text) >= _LONG and "\n" in text:
        text = _without_foreign(text, language, counts)
    return text, counts


def readable(text: str) -> Iterator[str]:
    """The lines of a text that may be boilerplate: neither headings nor fenced code."""
    return (line for line, fixed in _lines(text) if line and not fixed)


def sentences(line: str) -> list[str]:
    """A line cut after each sentence: their concatenation is the line.

    >>> sentences("Fits 1.5 in. Thanks! See www.a.com?b=1"), sentences("有的。不错!?买吧~")
    (['Fits 1.5 in. ', 'Thanks! ', 'See www.a.com?b=1'], ['有的。', '不错!?', '买吧~'])
    """
    found, start = [], 0
    for match in _RUN.finditer(line):
        stops, end = match[1], match.end()
        # A point between letters is one of a number, an address or a file name.
        ends = match[2] or end == len(line)
        if "。" in stops or (ends and stops != ";") or "\u3400" <= line[match.start() - 1 : match.start()] <= "\u9fff":
            found.append(line[start:end])
            start = end
    return [*found, line[start:]] if start < len(line) else found


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Lines of a text and whether each is fixed: a heading, a fence or the code within it."""
    inside = False
    for line in text.split("\n"):
        fixed = inside
        if line[:1] in _MARKS:
            fence = line.startswith(_FENCE)
            fixed = inside or fence or _HEADING.match(line) is not None
            inside ^= fence
        yield line, fixed


def _without_frequent(text: str, frequent: Frequent, counts: dict[str, int]) -> str:
    kept: list[str] = []
    gone = 0
    for line, fixed in _lines(text):
        if not fixed and len(line) >= frequent.shortest:
            if frequent.holds(line):
                gone += 1
                continue
            if frequent.in_sentences and len(pieces := sentences(line)) > 1:
                stay = [not frequent.holds(piece) for piece in pieces]
                if not all(stay):
                    gone += stay.count(False)
                    line = _joined(pieces, stay)
                    # What is left may be a line that is frequent as a whole.
                    if not line or frequent.holds(line):
                        continue
        kept.append(line)
    if not gone:
        return text
    rest = _closed_up(kept)
    if rest and frequent.of_answers and not still_answers(_all_sentences(rest), _all_sentences(text)):
        return text
    counts["line:boilerplate"] = gone
    return rest


def _all_sentences(text: str) -> list[str]:
    return [piece for line in text.split("\n") for piece in sentences(line)]


def _joined(pieces: list[str], stay: list[bool]) -> str:
    """The sentences that stay. One that begins with a mark is kept apart from the sentence now before it."""
    line = ""
    for index, piece in enumerate(pieces):
        if stay[index]:
            apart = line and not stay[index - 1] and not line[-1].isspace() and piece[0] in _STOPS + _CLOSING
            line += " " + piece if apart else piece
    return line.strip()


def _without_foreign(text: str, language: str, counts: dict[str, int]) -> str:
    """Without notices in the other script among the first and last lines of a text that is otherwise in one."""
    if text.isascii():
        return text
    if language not in ("zh", "en"):
        language = script_language(text)
    # Cheap signs first: nearly no text has one. Then the share of Han: in a text of both scripts no line is foreign.
    if not (_HAN.search(text) if language == "en" else any(mark in text for mark in _SIGNS)):
        return text
    # A Han character has two bytes more than an ASCII one has.
    more = len(text.encode("utf-8", "surrogatepass")) - len(text)
    if more * 4 > len(text) if language == "en" else more * 3 < 2 * len(text):
        return text
    lines = list(_lines(text))
    gone: set[int] = set()
    for indices in (range(len(lines)), range(len(lines) - 1, -1, -1)):
        kept = 0
        for index in indices:
            line, fixed = lines[index]
            if index in gone or not line or _HOLLOW.match(line):
                continue
            if not fixed and _is_notice(line, language):
                gone.add(index)
                continue
            kept += 1
            if kept == _WITHIN:
                break
    if not gone:
        return text
    counts["line:foreign"] = len(gone)
    return _closed_up([line for index, (line, _) in enumerate(lines) if index not in gone])


def _is_notice(line: str, own: str) -> bool:
    """Whether a line is a notice in the script that is not the text's own."""
    if own == "zh":
        return not _HAN.search(line) and _NOTICE.search(line) is not None
    if line.isascii() or not _CREDIT.search(line):
        return False
    bare = _LINK.sub("", line)
    # The text of links is often the translator's name.
    return script_language(bare) == "zh" and len(_HAN.findall(bare)) >= 2


def _closed_up(lines: list[str]) -> str:
    """Lines as one text with at most one empty line in a row, as clean_value leaves it."""
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip()
