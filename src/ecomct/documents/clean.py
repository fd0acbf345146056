"""Normalisation of one field value: markup out, NFKC, white space folded; fenced code stays as it was written.

A shop's fields are fragments of HTML mixed with text that only looks like it ("a < b", "<3",
"List<String>", "a <script> tag"). A tag here is what is written like one and has a name of HTML;
everything else is text and stays, which a browser's parser would not grant. Time is linear.
"""

from __future__ import annotations

import html
import re
import unicodedata
from html.entities import html5

# Elements that end a line; those that leave no gap (MediaWiki's too); those that are removed with what they hold.
_BLOCK = """address article aside blockquote br caption center dd details dialog dir div dl dt fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 header hr legend li main menu nav ol optgroup option p pre section summary table tbody td tfoot th
    thead title tr ul"""
_INLINE = """a abbr acronym area audio b base basefont bdi bdo big body button canvas cite code col colgroup data datalist del dfn
    em embed font frame frameset head html i img input ins kbd label link map mark math meta meter
    noinclude nowiki object onlyinclude output param picture includeonly ref references
    progress q rp rt ruby s samp select slot small source span strike strong sub sup svg textarea time tt u var video wbr"""
_REMOVED = "iframe noembed noframes noscript script style template"
_BLOCKS, _REMOVE = frozenset(_BLOCK.split()), frozenset(_REMOVED.split())
# Attributes that stand without a value; any other bare word means that "<" was no tag.
_BARE = frozenset(
    ["checked", "controls", "disabled", "hidden", "itemscope", "multiple", "noshade", "nowrap", "readonly", "selected"]
)
_NAMES = "|".join(sorted([*_BLOCKS, *_INLINE.split(), *_REMOVE], key=len, reverse=True))
_ATTRIBUTE = r"""\s+[\w:@.-]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>]+))?"""
# The last form is for attributes with a slip of the pen; it wants at least one that is quoted.
_TAG = re.compile(
    rf"""<!--
    |<(?:!doctype|\?xml|!\[(?:end)?if)\b[^<>]*>
    |</?(?:o|v|w|m|st1):\w+[^<>]*>
    |<(?P<close>/?)(?P<name>{_NAMES})(?:(?P<attributes>(?:{_ATTRIBUTE})*)\s*/?|\s[^<>]*=\s*["'][^<>]*)>""",
    re.IGNORECASE | re.VERBOSE,
)
# A shop that escapes an already escaped text writes &amp;nbsp;
_ENTITY = re.compile(r"&(?:amp;)*(?:([A-Za-z][A-Za-z0-9]{1,30});|#(?:[0-9]{1,7}|[xX][0-9A-Fa-f]{1,6});)")
_LINE_END = re.compile("\r\n?|\u2028|\u2029")
# Control and format characters carry no text; the joiners U+200C and U+200D do, in scripts and emoji.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
# Nearly all characters of Chinese and web text that NFKC changes. `unicodedata.normalize` takes 200 ns for each character
# of a text that holds one of them, so they go first; a character that gives way to its own NFKC changes no text's NFKC.
_FREQUENT = [(character, unicodedata.normalize("NFKC", character)) for character in "，：；！？（）％～－／．＋…\u3000\xa0"]
# NFKC would make 171/2 of "17½", a word of "Switch™", plain digits of "m²" and two marks of the inch.
_FRACTION = re.compile(r"(?<=\d)(?=[\u00bc-\u00be\u2150-\u215f\u2189])")
_AS_WRITTEN = re.compile("([\u00b2\u00b3\u00b9\u2033\u2034\u2036\u2037\u2057\u2070\u2071\u2074-\u208e\u2120\u2122]+)")
_FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})")
# What tables write for "no value". Compared whole, after cleaning, without case.
_NO_VALUE = frozenset(
    {"", "null", "none", "nan", "n/a", "nil", "undefined", "-", "--", "/", "\\n", "暂无", "见详情", "详见详情页"}
)


def clean_value(text: str, keep_lines: bool = False) -> str:
    r"""Return `text` without markup, entities and invisible characters, in NFKC, white space folded.

    `keep_lines` keeps line breaks (at most one blank line in a row) for long text, and code between the fences of Markdown
    with its indentation and tags; otherwise a break becomes a space. A fraction behind a digit stands apart ("17 1/2");
    superscripts, inch marks and the sign of a trade mark stay. The result is "" where the value says that there is none.

    >>> clean_value("<p>ＡＢＣ&amp;nbsp;棉 <b>T恤</b></p>"), clean_value("1 < 2 <3"), clean_value(" null ")
    ('ABC 棉 T恤', '1 < 2 <3', '')
    >>> clean_value("25½\" × ¾ m²"), clean_value("Use:\n```py\nif <b>:\n    go()\n```\n<b>Done</b>", keep_lines=True)
    ('25 1/2" × 3/4 m²', 'Use:\n```py\nif <b>:\n    go()\n```\nDone')
    """
    if keep_lines and ("```" in text or "~~~" in text):
        pieces = [_code(piece) if fenced else _beside_code(piece) for piece, fenced in _fenced(text)]
        return "\n".join(pieces).strip("\n")
    text = _clean(text, keep_lines)
    return "" if len(text) < 8 and text.casefold() in _NO_VALUE else text


def _clean(text: str, keep_lines: bool) -> str:
    """A text that is no code."""
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    if "<" in text:
        text = _without_tags(text)
    return _folded(*_normalised(text), keep_lines)


def _beside_code(text: str) -> str:
    """A text between fences, with the blank lines that part it from them."""
    lines = text.split("\n")
    first, last = not lines[0].strip(), not lines[-1].strip()
    clean = _clean(text, True)
    return "\n" * first + clean + "\n" * last if clean else ""


def _fenced(text: str) -> list[tuple[str, bool]]:
    """A text in pieces, and whether each is code with its fences; a fence that is never closed is text."""
    pieces: list[tuple[str, bool]] = []
    outside: list[str] = []
    inside: list[str] = []
    mark = ""
    for line in _LINE_END.sub("\n", text).split("\n"):
        fence = _FENCE.match(line)
        if not mark:
            if fence:
                mark, inside = fence[1], [line]
            else:
                outside.append(line)
            continue
        inside.append(line)
        if fence and fence[1].startswith(mark) and not line[fence.end() :].strip():
            pieces += [("\n".join(outside), False)] if outside else []
            pieces += [("\n".join(inside), True)]
            mark, outside, inside = "", [], []
    rest = [*outside, *(inside if mark else [])]
    return [*pieces, ("\n".join(rest), False)] if rest else pieces


def _code(text: str) -> str:
    """Code as it was written: without invisible characters and white space at line ends, tabs as spaces."""
    lines = [line.expandtabs(4).rstrip() for line in _INVISIBLE.sub("", text).split("\n")]
    lines[0], lines[-1] = lines[0].lstrip(), lines[-1].lstrip()
    return "\n".join(lines)


def _normalised(text: str) -> tuple[str, bool]:
    r"""`text` in NFKC without invisible characters, and whether all its white space is " " and "\n"."""
    for character, form in () if text.isascii() else _FREQUENT:
        text = text.replace(character, form)
    # Invisible characters, line ends and white space other than " " are not printable.
    printable = text.replace("\n", "").isprintable()
    if not printable:
        text = _INVISIBLE.sub("", _LINE_END.sub("\n", text))
    # NFKC after the removal: an invisible character may stand between a letter and its accent. No form
    # reaches over a line end, so that one odd character costs a line and not the text.
    if not unicodedata.is_normalized("NFKC", text):
        text = "\n".join([_nfkc(line) for line in text.split("\n")])
    return text, printable


def _nfkc(line: str) -> str:
    """NFKC of a line but for what it would turn into something else."""
    if unicodedata.is_normalized("NFKC", line):
        return line
    parts = _AS_WRITTEN.split(_FRACTION.sub(" ", line))
    parts[::2] = [unicodedata.normalize("NFKC", part).replace("\u2044", "/") for part in parts[::2]]
    return "".join(parts)


def _folded(text: str, printable: bool, keep_lines: bool) -> str:
    """`text` with one space for each stretch of white space, line ends kept (at most two in a row) or not."""
    if not printable:
        text = "\n".join([" ".join(line.split()) for line in text.split("\n")])
    if not keep_lines:
        text = text.replace("\n", " ")
    # Each turn halves the stretches; `in` and `replace` are several times faster than a pattern.
    while "  " in text:
        text = text.replace("  ", " ")
    text = text.replace(" \n", "\n").replace("\n ", "\n").strip()
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text


def _character(entity: re.Match[str]) -> str:
    name = entity[1]
    if name is None:
        return html.unescape("&#" + entity[0].rpartition("#")[2])
    # An unknown name is text, and "&copy=1" in a link is no entity either.
    return html5.get(name + ";", entity[0])


def _without_tags(text: str) -> str:
    """Visible text of an HTML fragment; block elements end a line, inline ones leave no gap."""
    parts: list[str] = []
    absent: set[str] = set()  # ends that the rest of the text does not hold, so that none is sought twice
    position = start = 0
    while match := _TAG.search(text, position):
        name = (match["name"] or "").lower()
        end = match.end()
        if match[0] == "<!--" or (name in _REMOVE and not match["close"] and not match[0].endswith("/>")):
            end = _after(text, "-->" if match[0] == "<!--" else f"</{name}", end, absent)
        # Markdown quotes a tag that is spoken of.
        quoted = text[match.start() - 1 : match.start()] == "`" or text[end : end + 1] == "`"
        if end < 0 or quoted or not _has_attributes_of_html(match["attributes"]):
            position = match.start() + 1
            continue
        parts += [text[start : match.start()], "\n" if name in _BLOCKS else ""]
        position = start = end
    return "".join([*parts, text[start:]])


def _after(text: str, ending: str, position: int, absent: set[str]) -> int:
    """Position after the next `ending` (and the rest of its tag), -1 where there is none."""
    if ending in absent:
        return -1
    found = re.compile(re.escape(ending) + (r"\s*>" if ending.startswith("</") else ""), re.IGNORECASE).search(text, position)
    if found is None:
        absent.add(ending)
        return -1
    return found.end()


def _has_attributes_of_html(attributes: str | None) -> bool:
    return not attributes or "=" in attributes or all(word.lower() in _BARE for word in attributes.split())
