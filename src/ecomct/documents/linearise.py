"""A row as text (paper, 3.1): templates by kind, key-values in several serialisations.

Everything these templates add is in NFKC already, so that a document is; a recipe's own template stays
as written. Each stretch that comes from
a field is a `Span`; what a template adds belongs to no field.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import orjson

from ecomct.documents.clean import clean_value
from ecomct.documents.language import script_language
from ecomct.documents.lines import plain, sentences
from ecomct.documents.refine import Refine
from ecomct.recipe.cleaning import ProfileName
from ecomct.recipe.slots import PLACEHOLDER
from ecomct.recipe.source import Kind, Source
from ecomct.rules.rule import Passage, Verdict
from ecomct.seeded import hash_text

_LONG: frozenset[Kind] = frozenset({"description", "article", "dialogue", "web"})
# A shorter line may be said twice: a size, a name.
_SHORT_LINE = 30
# Slots without which a row has no subject; own templates and key-values have rules of their own.
_NEEDED: dict[Kind, tuple[str, ...]] = {"title": ("title",), "qa": ("question", "answer")}
# Slots whose text the rules judge, and by which profile; a row that fails is rejected.
_JUDGED: dict[Kind, tuple[tuple[str, ProfileName], ...]] = {
    "title": (("title", "title"),),
    "attributes": (("text", "value"),),
    "description": (("text", "description"),),
    "review": (("text", "review"),),
    "qa": (("question", "question"), ("answer", "answer")),
    "article": (("text", "article"),),
    "dialogue": (("text", "dialogue"),),
    "web": (("text", "web"),),
}
_SERIALIZATIONS = ("lines", "inline", "json", "sentence")
_WORDS = {
    "zh": {"question": "问: ", "answer": "答: ", "rating": "评分: "},
    "en": {"question": "Question: ", "answer": "Answer: ", "rating": "Rating: "},
}


class Span(NamedTuple):
    """Characters [start, end) of a document's text and the field they came from."""

    field: str
    start: int
    end: int


class Linearised(NamedTuple):
    """A row as text; its first `title_chars` characters are its title and the break after it (0: no title)."""

    text: str
    language: str
    spans: list[Span]
    title_chars: int


class Rejected(Exception):
    """The row has no document: a reason of the ledger, what was seen, and the rule that it broke, if one."""

    def __init__(self, reason: str, detail: str, profile: str = "", verdict: Verdict | None = None) -> None:
        self.reason, self.detail = reason, detail
        self.rule = f"{profile}.{verdict.rule}" if verdict else ""
        self.value = verdict.value if verdict else None
        self.threshold = verdict.threshold if verdict else None
        super().__init__(reason)


class _Text:
    """Text under construction with its spans."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.spans: list[Span] = []
        self.length = self.title_chars = 0

    def add(self, text: str, field: str | None = None) -> _Text:
        if field is not None and text:
            self.spans.append(Span(field, self.length, self.length + len(text)))
        self.parts.append(text)
        self.length += len(text)
        return self


def lookup(row: dict[str, Any], column: str) -> Any:
    """Value of a column; a dotted name reaches into nested objects. Missing gives None."""
    if column in row:
        return row[column]
    value: Any = row
    for part in column.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def linearise(row: dict[str, Any], source: Source, refine: Refine, draw: int, permute: bool = False) -> Linearised:
    """The text of a row; what `refine` did to its fields is left there to be taken.

    `draw` is the row's seeded hash; it picks the serialisation of key-values and, with `permute`, their order.
    Raises Rejected with `empty_text`, `boilerplate`, `missing_field` or the name of a rule.
    """
    # With an own template every slot is text; else these two are lists of key-values.
    apart = ("columns", "pairs") if source.template is None else ()
    values: dict[str, tuple[str, str]] = {}
    for slot, column in sorted(source.fields.items(), key=lambda given: given[0] == "value"):  # the value after its name
        if slot not in apart:
            name = values["name"][0] if slot == "value" and "name" in values else ""
            values[slot] = _value(row, column, source.kind, refine, slot, name)
    pairs = _pairs(row, source, values, refine) if source.kind == "attributes" and source.template is None else []
    _require(row, source, values, pairs, refine)
    language = source.language if source.language != "auto" else _language(values, pairs)
    _judge(source.kind, values, language, refine)
    if source.template is not None:
        text = _from_template(source.template, values)
    elif source.kind == "attributes" and pairs:
        pairs = _one_of_each_name(_informative(pairs, language, refine), language, refine)
        if permute:
            pairs = sorted(pairs, key=lambda pair: hash_text("\0".join(pair), draw >> 1))
        text = _key_values(pairs, language, source.serialization, draw)
    else:
        text = _from_kind(source.kind, values, _WORDS[language])
    return Linearised("".join(text.parts), language, text.spans, text.title_chars)


def _judge(kind: Kind, values: dict[str, tuple[str, str]], language: str, refine: Refine) -> None:
    """Reject a row one of whose own texts breaks a rule."""
    title = values.get("title", ("", ""))[0]
    for slot, profile in _JUDGED[kind]:
        text, column = values.get(slot, ("", ""))
        if text and (verdict := refine.judge(profile, Passage(text, profile, language, "" if slot == "title" else title))):
            raise Rejected(verdict.rule, f"{column}: {text}", profile, verdict)


def _informative(pairs: list[tuple[str, str, str]], language: str, refine: Refine) -> list[tuple[str, str, str]]:
    """The key-values that say something; a row without any is rejected for the first rule that was broken."""
    kept, broken = [], None
    for name, value, column in pairs:
        if verdict := refine.judge("value", Passage(value, "value", language, "", name)):
            refine.drop("value", verdict)
            broken = broken or (verdict, f"{column}: {name}: {value}")
        else:
            kept.append((name, value, column))
    if not kept and broken:
        raise Rejected(broken[0].rule, broken[1], "value", broken[0])
    return kept


def _one_of_each_name(pairs: list[tuple[str, str, str]], language: str, refine: Refine) -> list[tuple[str, str, str]]:
    """Key-values with the values of a repeated name in one list: no reader of JSON keeps more than one of equal names."""
    values: dict[str, list[str]] = {}
    columns: dict[str, str] = {}
    for name, value, column in pairs:
        values.setdefault(name, []).append(value)
        columns.setdefault(name, column)
    if len(values) < len(pairs):
        refine.edits["joined:values"] += len(pairs) - len(values)
    between = "、" if language == "zh" else ", "
    return [(name, between.join(dict.fromkeys(every)), columns[name]) for name, every in values.items()]


def _language(values: dict[str, tuple[str, str]], pairs: list[tuple[str, str, str]]) -> Literal["zh", "en"]:
    """Language of the values; of key-values also of the names, as either may be in the other script."""
    names = script_language(" ".join(name for name, _, _ in pairs))
    texts = script_language(" ".join([*(text for text, _ in values.values()), *(value for _, value, _ in pairs)]))
    return "zh" if "zh" in (names, texts) else "en"


def _value(
    row: dict[str, Any], column: str | list[str], kind: Kind, refine: Refine, slot: str, name: str = ""
) -> tuple[str, str]:
    """Refined text of a slot and the column(s) it came from; `name` is that of the key-value it belongs to."""
    if isinstance(column, list):
        texts = [_value(row, one, kind, refine, slot, name)[0] for one in column]
        if kind == "description":
            texts = _without_repeats(texts, refine)
        return ("\n" if kind in _LONG else " ").join(text for text in texts if text), "+".join(column)
    return _as_text(lookup(row, column), kind in _LONG, refine, slot, name), column


def _without_repeats(texts: list[str], refine: Refine) -> list[str]:
    """Texts of several columns without the lines whose every sentence an earlier column has: shops fill both with one text."""
    known: set[str] = set()
    kept: list[str] = []
    for text in texts:
        lines = [(line, set(map(plain, sentences(line)))) for line in text.split("\n")]
        own = [line for line, said in lines if len(line) < _SHORT_LINE or not said <= known]
        if len(own) < len(lines):
            refine.edits["line:repeated"] += len(lines) - len(own)
        kept.append("\n".join(own).strip())
        known.update(*(said for _, said in lines))
    return kept


def _as_text(value: Any, keep_lines: bool, refine: Refine, slot: str, name: str = "") -> str:
    if isinstance(value, str):
        return refine(value, keep_lines, slot, name)
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, list):
        texts = (_as_text(item, keep_lines, refine, slot, name) for item in value)
        return ("\n" if keep_lines else " ").join(text for text in texts if text)
    if isinstance(value, dict):
        given = ((clean_value(str(key)), item) for key, item in value.items())
        pairs = ((key, item) for key, item in given if item in (None, "", [], {}) or not refine.leaves_out(key))
        return "; ".join(f"{key}: {text}" for key, item in pairs if (text := _as_text(item, False, refine, slot, key)))
    return refine(str(value), keep_lines, slot, name)


def _pairs(row: dict[str, Any], source: Source, values: dict[str, tuple[str, str]], refine: Refine) -> list[tuple[str, str, str]]:
    """Key-values of a row as (name, value, column), those without a value left out."""
    found: list[tuple[str, str, str]] = []
    if "name" in values and "value" in values:
        found.append((values["name"][0], *values["value"]))
    columns = source.fields.get("columns", [])
    for column in [columns] if isinstance(columns, str) else columns:
        name = clean_value(column)
        found.append((name, _as_text(lookup(row, column), False, refine, "columns", name), column))
    nested = source.fields.get("pairs", [])
    for column in [nested] if isinstance(nested, str) else nested:
        given = ((clean_value(str(name)), value) for name, value in _pair_list(lookup(row, column)))
        found += [(name, _as_text(value, False, refine, "pairs", name), column) for name, value in given]
    # "0.3 ounces (": what stood in the bracket was a link or markup.
    told = ((name.strip(" :：="), value.rstrip(" ([{"), column) for name, value, column in dict.fromkeys(found))
    return [(name, value, column) for name, value, column in told if name and value]


def _pair_list(value: Any) -> list[tuple[Any, Any]]:
    """Pairs from a mapping, a list of [key, value] or [subject, key, value], a list of mappings, or JSON of these."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = orjson.loads(value)
        except ValueError:
            return []
    if isinstance(value, dict):
        return list(value.items())
    if not isinstance(value, list):
        return []
    pairs: list[tuple[Any, Any]] = []
    for item in value:
        if isinstance(item, list) and len(item) in (2, 3):
            pairs.append((item[-2], item[-1]))
        elif isinstance(item, dict) and {"name", "value"} <= set(item):
            pairs.append((item["name"], item["value"]))
        elif isinstance(item, dict) and {"key", "value"} <= set(item):
            pairs.append((item["key"], item["value"]))
    return pairs


def _require(row: dict[str, Any], source: Source, values: dict[str, tuple[str, str]], pairs: list[Any], refine: Refine) -> None:
    """Refuse rows that would give a document without its subject."""
    if source.template is not None:
        filled = any(text for text, _ in values.values())
    elif source.kind == "attributes":
        filled = bool(pairs) or bool(values.get("text", ("", ""))[0])
    else:
        needed = _NEEDED.get(source.kind, ("text",))
        # Crawls also hold pages whose whole body is their title.
        bare = source.kind in ("article", "web", "description") and values["text"][0] == values.get("title", ("", ""))[0]
        filled = all(values[slot][0] for slot in needed) and not bare
    if filled:
        return
    columns = [column for given in source.fields.values() for column in ([given] if isinstance(given, str) else given)]
    if all(lookup(row, column) is None and column.split(".")[0] not in row for column in columns):
        raise Rejected("missing_field", f"no column {', '.join(columns)}; the row has {', '.join(list(row)[:8])}")
    if refine.emptied:
        raise Rejected("boilerplate", f"only boilerplate in {', '.join(columns)}: {refine.emptied}")
    raise Rejected("empty_text", f"nothing to read in {', '.join(columns)}")


def _from_template(template: str, values: dict[str, tuple[str, str]]) -> _Text:
    text, position = _Text(), 0
    for match in PLACEHOLDER.finditer(template):
        text.add(template[position : match.start()]).add(*values[match[1]])
        position = match.end()
    return text.add(template[position:])


def _from_kind(kind: Kind, values: dict[str, tuple[str, str]], words: dict[str, str]) -> _Text:
    text = _Text()
    if kind == "qa":
        return text.add(words["question"]).add(*values["question"]).add("\n" + words["answer"]).add(*values["answer"])
    if kind == "title":
        return text.add(*values["title"])
    body, column = values["text"]
    title, title_column = values.get("title", ("", ""))
    # Crawls often repeat the title as the first line of the body.
    in_body = body.startswith(title)
    if title and not in_body:
        text.add(title, title_column).add("\n\n" if kind in ("article", "web", "dialogue") else "\n")
        text.title_chars = text.length
    rating, rating_column = values.get("rating", ("", ""))
    if title and in_body and not rating:
        rest = body[len(title) :]
        gap = len(rest) - len(rest.lstrip())
        text.title_chars = len(title) + gap if gap else 0  # else the title is only the beginning of a word or sentence
    if rating:
        text.add(words["rating"]).add(rating.removesuffix(".0"), rating_column).add("\n")
    return text.add(body, column)


def _key_values(pairs: Sequence[tuple[str, str, str]], language: str, style: str, draw: int) -> _Text:
    """Key-values as lines, one line, JSON or sentences; `seeded` draws by row so that a model sees all."""
    if style == "seeded":
        style = _SERIALIZATIONS[draw % len(_SERIALIZATIONS)]
    text = _Text()
    if style == "json":
        text.add("{")
    for index, (name, value, column) in enumerate(pairs):
        last, ended = index == len(pairs) - 1, value.endswith(("。", ".", "!", "?"))
        if style == "lines":
            text.add(f"{name}: ").add(value, column).add("" if last else "\n")
        elif style == "inline":
            text.add(f"{name}: ").add(value, column).add("" if last else "; ")
        elif style == "json":
            # The value is escaped as a whole; its span covers the escaped text.
            text.add(f'{json.dumps(name, ensure_ascii=False)}: "').add(json.dumps(value, ensure_ascii=False)[1:-1], column)
            text.add('"}' if last else '", ')
        elif language == "zh":
            text.add(f"{name}是").add(value, column).add("" if ended else "。")
        else:
            text.add(f"The {name} is ").add(value, column).add(("" if ended else ".") + ("" if last else " "))
    return text
