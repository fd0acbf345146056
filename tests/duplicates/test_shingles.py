"""Texts as they are compared, against a plain reading of the same rules one character at a time."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ecomct.duplicates.shingles import JOINT, plain, shingles, whole, widths

WORDS = st.text(alphabet="aB1 2.,-·，。茶壶Ç😀%\n" + JOINT, max_size=30)


def kept(character: str) -> bool:
    category = unicodedata.category(character)
    return character in "+%#&°" + JOINT or not (category[0] in "ZCP" or category in ("Sm", "Sk", "So", "Me"))


def plain_text(text: str) -> str:
    """The rule by hand: drop what does not count, but keep the last sign between two digits."""
    folded = text.casefold()
    found = ""
    for place, character in enumerate(folded):
        if kept(character):
            found += character
        elif place + 1 < len(folded) and folded[place + 1].isdecimal():
            before = [one for one in folded[:place] if kept(one)]
            found += character if before and before[-1].isdecimal() else ""
    return found


def width(text: str) -> int:
    return sum(2 if "\u4e00" <= character <= "\u9fff" else 1 for character in text)


@given(st.lists(WORDS, max_size=5))
def test_many_texts_at_once_are_each_text_alone(texts: list[str]) -> None:
    found = plain(texts)
    alone = ["".join(map(chr, found.code[low:high])) for low, high in zip(found.first[:-1], found.first[1:], strict=True)]
    assert alone == [plain_text(text) for text in texts]
    assert widths(found).tolist() == [width(text) for text in alone]


@given(st.lists(WORDS, min_size=1, max_size=5), st.sampled_from([2, 4, 8]))
def test_shingles_are_the_stretches_of_a_width(texts: list[str], size: int) -> None:
    found = shingles(plain(texts), size)
    for number, text in enumerate(texts):
        expected = set()
        clean = plain_text(text)
        for start in range(len(clean)):
            stop = next((end for end in range(start, len(clean) + 1) if width(clean[start:end]) >= size), None)
            if stop is not None:
                expected.add(clean[start:stop])
        hashes = set(found.value[found.first[number] : found.first[number + 1]].tolist())
        assert len(hashes) == len(expected)
        # The hash of a stretch is the same wherever it stands.
        alone = shingles(plain([text]), size).value.tolist()
        assert hashes == set(alone)


@given(st.lists(st.text(alphabet="茶a1", max_size=4), min_size=2, max_size=8))
def test_a_hash_of_the_whole_tells_texts_apart(texts: list[str]) -> None:
    hashes = whole(plain(texts)).tolist()
    assert len(set(hashes)) == len({plain_text(text) for text in texts})


def test_odd_texts() -> None:
    for text in ("", "\0", "😀" * 1000, "a" * 100_000, "1." * 50_000, "\U000e0041\U0010ffff", "ﬃ" * 10, "İ"):
        found = plain([text, "茶"])
        assert found.first[-1] - found.first[1] == 1
        assert len(shingles(found, 4).first) == 3
