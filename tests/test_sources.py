"""Files to rows: every format, exact line numbers, nothing lost in silence."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.documents.ingest import row_keys
from ecomct.documents.keys import canonical_key
from ecomct.documents.linearise import linearise, lookup
from ecomct.documents.refine import Refine
from ecomct.errors import InputError
from ecomct.recipe import Recipe, Source, load_recipe
from ecomct.recipe.adapters import with_adapter
from ecomct.recipe.cleaning import Cleaning
from ecomct.recipe.source import Reference
from ecomct.rules.rule import PROFILES, RULES
from ecomct.sources import files
from ecomct.sources.files import Unit, row_number, source_files, source_units
from ecomct.sources.readers import Row, read_rows

UNJUDGED = Refine(Cleaning(profiles={name: dict.fromkeys(RULES) for name in PROFILES}), "auto", {})

ROWS = [{"id": 1, "text": "a"}, {"id": 2, "text": "二"}, {"id": 3, "text": "c"}]


def recipe_of(path: Path | list[str], folder: Path, **settings: Any) -> Recipe:
    """A recipe of the one source `s`, which reads `path`."""
    source = {"path": path if isinstance(path, list) else str(path), "kind": "web", "fields": {"text": "text"}, **settings}
    recipe = Recipe.model_validate(
        {"name": "r", "sources": {"s": source}, "tokenizer": {"train_vocab": 300}, "model": {"config": {"model_type": "bloom"}}}
    )
    object.__setattr__(recipe, "_folder", folder)
    return recipe


def read(path: Path | list[str], folder: Path | None = None, **settings: Any) -> list[Row]:
    """All rows of a source, over all its units."""
    recipe = recipe_of(path, folder or (path.parent if isinstance(path, Path) else Path()), **settings)
    source = recipe.sources["s"]
    encodings = [source.encoding] if isinstance(source.encoding, str) else source.encoding
    return [row for unit in source_units(recipe, "s") for row in read_rows(unit, encodings, source.limit)]


def lines_of(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# --- formats


def test_json_lines_plain_and_packed_read_alike(tmp_path: Path) -> None:
    data = lines_of(ROWS)
    written = {
        "a.jsonl": data,
        "a.ndjson": data,
        "a.json": data,
        "A.JSONL": data,
        "a.jsonl.gz": gzip.compress(data),
        "a.jsonl.zst": zstandard.compress(data),
    }
    for name, content in written.items():
        rows = read(write(tmp_path / name, content))
        assert [row.data for row in rows] == ROWS, name
        assert [row.line for row in rows] == [1, 2, 3]


def test_archives_of_several_members_are_read_to_the_end(tmp_path: Path) -> None:
    halves = lines_of(ROWS[:2]), lines_of(ROWS[2:])
    for name, pack in (("a.jsonl.gz", gzip.compress), ("a.jsonl.zst", zstandard.compress)):
        assert [row.data for row in read(write(tmp_path / name, b"".join(pack(half) for half in halves)))] == ROWS


def test_zst_with_long_windows_and_without_sizes(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=28, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(lines_of(ROWS) * 40_000) + packer.flush()
    assert len(read(write(tmp_path / "a.jsonl.zst", packed))) == 120_000


@pytest.mark.parametrize(("suffix", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_tables_with_quoted_line_breaks(tmp_path: Path, suffix: str, delimiter: str) -> None:
    held = io.StringIO()
    writer = csv.writer(held, delimiter=delimiter)
    writer.writerows([["id", " text "], ["1", "one\nline\r\nmore"], ["2", 'say "hi", \t ok'], ["", ""], ["3", "三"]])
    rows = read(write(tmp_path / f"t.{suffix}", b"\xef\xbb\xbf" + held.getvalue().encode()))
    assert [(row.line, row.data) for row in rows] == [
        (2, {"id": "1", "text": "one\nline\r\nmore"}),
        (5, {"id": "2", "text": 'say "hi", \t ok'}),
        (6, {"id": "", "text": ""}),
        (7, {"id": "3", "text": "三"}),
    ]


def test_parquet_row_groups_become_units_with_right_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"id": pa.array(range(25)), "text": [f"t{n}" for n in range(25)]})
    pq.write_table(table, tmp_path / "p.parquet", row_group_size=4)
    monkeypatch.setattr(files, "UNIT_BYTES", 1)
    units = source_units(recipe_of(tmp_path / "p.parquet", tmp_path), "s")
    assert [(unit.start, unit.stop, unit.first_line) for unit in units] == [(n, n + 1, 4 * n + 1) for n in range(7)]
    assert [(row.line, row.data) for row in read(tmp_path / "p.parquet")] == [
        (n + 1, {"id": n, "text": f"t{n}"}) for n in range(25)
    ]
    assert len(read(tmp_path / "p.parquet", limit=6)) == 6


def test_parquet_bytes_decimals_lists_and_maps(tmp_path: Path) -> None:
    table = pa.table(
        {
            "key": pa.array([Decimal("7.00"), Decimal("8.50")], pa.decimal128(6, 2)),
            "text": pa.array(["文".encode(), b"\xff\xfe"], pa.binary()),
            "tags": pa.array([["a", "b"], None], pa.list_(pa.string())),
            "facts": pa.array([[("color", "red")], []], pa.map_(pa.string(), pa.string())),
        }
    )
    pq.write_table(table, tmp_path / "p.parquet")
    good, bad = read(tmp_path / "p.parquet")
    assert good.data is not None
    assert (good.data["text"], good.data["tags"], canonical_key(good.data["key"])) == ("文", ["a", "b"], "7")
    assert (bad.line, bad.data, bad.reason) == (2, None, "malformed_row")
    source = Source(path="p", kind="attributes", fields={"pairs": "facts"}, serialization="lines")
    assert linearise(good.data, source, UNJUDGED, 0)[0] == "color: red"


def test_parquet_text_that_is_not_utf8_costs_one_row(tmp_path: Path) -> None:
    raw = pa.array([b"one", b"\xff", b"three"], pa.binary())
    text = pa.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
    pq.write_table(pa.table({"text": text}), tmp_path / "p.parquet")
    assert [(row.line, row.reason) for row in read(tmp_path / "p.parquet")] == [(1, ""), (2, "malformed_row"), (3, "")]


# --- which files


def test_folders_globs_and_lists(tmp_path: Path) -> None:
    for name in ("d/b.jsonl", "d/a.csv", "d/deep/c.jsonl.gz", "d/readme.txt", "d/.hidden.jsonl", "d/.cache/x.jsonl", "e.jsonl"):
        write(tmp_path / name, b"")

    def found(path: list[str]) -> list[str]:
        return [file.relative_to(tmp_path).as_posix() for file in source_files(recipe_of(path, tmp_path), "s")]

    assert found(["d"]) == ["d/a.csv", "d/b.jsonl", "d/deep/c.jsonl.gz"]
    assert found(["d/*.jsonl"]) == ["d/.hidden.jsonl", "d/b.jsonl"]
    assert found(["**/*.gz"]) == ["d/deep/c.jsonl.gz"]
    # The order given is kept, so that a row's identity does not depend on where the data lies; none comes twice.
    assert found(["e.jsonl", "d/b.jsonl", "*.jsonl"]) == ["e.jsonl", "d/b.jsonl"]
    assert found([str(tmp_path / "e.jsonl")]) == ["e.jsonl"]
    with pytest.raises(InputError, match=r"sources\.s\.path: nothing found at .*zzz"):
        found(["zzz*"])


def test_brackets_in_a_file_name_are_no_glob(tmp_path: Path) -> None:
    assert len(read(write(tmp_path / "a[1].jsonl", lines_of(ROWS)))) == 3


def test_format_of_the_recipe_wins_over_the_suffix(tmp_path: Path) -> None:
    assert len(read(write(tmp_path / "a.txt", lines_of(ROWS)), format="jsonl")) == 3
    with pytest.raises(InputError, match=r"sources\.s\.format: unknown format of a\.txt; set format"):
        read(tmp_path / "a.txt")


def test_row_numbers_are_distinct_and_sorted() -> None:
    places = [(0, 0, 1), (0, 0, 2**32 - 1), (0, 1, 1), (1, 0, 1), (4095, 2**20 - 1, 2**32 - 1)]
    numbers = [row_number(*place) for place in places]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 2**64 - 1


# --- line numbers

_LINE = st.one_of(
    st.sampled_from([b"", b" ", b"\t", b"{", b"[1]", b"nul", b"\xff\xfe", b'{"a":1}', b'{"a": "\xe4\xba\x8c"}']),
    st.integers(0, 300).map(lambda n: json.dumps({"text": "x" * n}).encode()),
)


def plain_reading(data: bytes) -> list[tuple[int, bool]]:
    """Line number of every line that is not blank, and whether it holds an object."""
    expected = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line.strip():
            try:
                expected.append((number, isinstance(json.loads(line.decode()), dict)))
            except ValueError:
                expected.append((number, False))
    return expected


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(_LINE, max_size=40),
    end=st.sampled_from([b"\n", b"\r\n"]),
    last=st.booleans(),
    mark=st.booleans(),
    unit_bytes=st.integers(1, 600),
)
def test_units_give_every_line_once_with_its_number(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], end: bytes, last: bool, mark: bool, unit_bytes: int
) -> None:
    # A first line "{" says that the file is one JSON document: that is another test.
    lines = [b'{"first":1}', *lines]
    data = (b"\xef\xbb\xbf" if mark else b"") + end.join(lines) + (end if last else b"")
    path = write(tmp_path_factory.mktemp("lines") / "a.jsonl", data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "UNIT_BYTES", unit_bytes)
        patch.setattr(files, "_BLOCK", 128)
        units = source_units(recipe_of(path, path.parent), "s")
        got = [(row.line, row.data is not None) for unit in units for row in read_rows(unit, ["utf-8"])]
    assert got == plain_reading(data)
    assert len({unit.name for unit in units}) == len(units)
    assert sorted(unit.name for unit in units) == [unit.name for unit in units]
    # Units cover the file without a gap.
    if len(units) > 1:
        assert [unit.start for unit in units[1:]] == [unit.stop for unit in units[:-1]]
        assert (units[0].start, units[-1].stop) == (0, len(data))


def test_a_line_longer_than_a_unit_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "UNIT_BYTES", 1 << 20)
    rows = [{"text": "a" * size} for size in (10, 3 << 20, 10, 1 << 20, 2 << 20, 5)]
    path = write(tmp_path / "a.jsonl", lines_of(rows))
    assert len(source_units(recipe_of(path, tmp_path), "s")) > 1
    assert [(row.line, row.data) for row in read(path)] == list(enumerate(rows, 1))


def test_limit_counts_lines_of_each_file(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        write(tmp_path / name, b"\n" + lines_of(ROWS))
    assert [row.line for row in read([str(tmp_path)], tmp_path, limit=3)] == [2, 3, 2, 3]


# --- bad rows


def test_malformed_lines_yield_reasons_and_stop_nothing(tmp_path: Path) -> None:
    lines = [
        (b'{"id": 1}', ""),
        (b'{"id": 2', "malformed_json"),
        (b'["a", "b"]', "not_an_object"),
        (b"null", "not_an_object"),
        (b"\xe4\xba", "bad_encoding"),
        (b"plain words", "malformed_json"),
        (b'{"half": "\\ud83d"}', "malformed_json"),
        (b'{"half": "\\ud83d", "n": 1234567890123456789}', "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b'{"n": ' + b"9" * 5000 + b"}", "malformed_json"),
        (b'{"id": 3}', ""),
    ]
    rows = read(write(tmp_path / "a.jsonl", b"\n".join(line for line, _ in lines)))
    assert [(row.line, row.reason) for row in rows] == [(number, reason) for number, (_, reason) in enumerate(lines, 1)]
    assert all(bool(row.detail) == bool(row.reason) and len(row.raw) <= 2000 for row in rows)
    assert rows[1].raw == '{"id": 2'
    assert "name the file's encoding" in rows[4].detail


def test_long_integers_keep_their_digits(tmp_path: Path) -> None:
    numbers = [2**53 + 1, 2**63 + 1, 2**64 - 1, 2**64 + 1, 10**30 + 7, -(10**25) - 3]
    rows = read(write(tmp_path / "a.jsonl", lines_of([{"id": number} for number in numbers])))
    assert [row.data for row in rows] == [{"id": number} for number in numbers]


_STRETCHES = [
    *(b"{", b"}", b'{"a": ', b'"', b'"a": 1}', b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\xef\xbb\xbf", b"\x00", b" ", b"\r"),
    *(
        b"[1]",
        "二".encode(),
        b"12345678901",
        b"98765432109",
        b"1.5e7",
        b"NaN",
        b'{"a": 12345678901234567890}',
        b'{"a": "x"}',
        b"null",
    ),
]


@settings(max_examples=600, deadline=None)
@given(lines=st.lists(st.lists(st.sampled_from(_STRETCHES), max_size=5).map(b"".join), min_size=1, max_size=6))
def test_the_short_way_of_utf8_lines_reads_as_the_long_one(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    """A first encoding that fits no line of these but ASCII ones shuts the short way; only its name may differ."""
    path = write(tmp_path_factory.getbasetemp() / "ways.jsonl", b'{"first": 1}\n' + b"\n".join(lines))
    short, long = read(path), read(path, encoding=["ascii", "utf-8"])
    named = [row._replace(detail=row.detail.replace("not utf-8", "not ascii or utf-8")) for row in short]
    assert repr(named) == repr(long)  # equal and of one type; NaN is not equal to itself


def test_bad_rows_of_a_table(tmp_path: Path) -> None:
    data = b"id,text\n1,a\n2\n3,b,c\n\n4,\xff\n5,d\n6,x\ry\n7,e\n"
    rows = read(write(tmp_path / "t.csv", data))
    assert [(row.line, row.reason) for row in rows] == [
        (2, ""),
        (3, "wrong_field_count"),
        (4, "wrong_field_count"),
        (6, "bad_encoding"),
        (7, ""),
        (8, "malformed_row"),
        (9, ""),
    ]
    assert rows[2].raw == "3,b,c"
    assert rows[5].raw.startswith("6,x")


def test_a_bad_line_inside_a_quoted_field_costs_the_whole_row(tmp_path: Path) -> None:
    rows = read(write(tmp_path / "t.csv", b'id,text\n1,"a\n\xff\nb"\n2,c\n'))
    assert [(row.line, row.reason, row.data) for row in rows] == [(2, "bad_encoding", None), (5, "", {"id": "2", "text": "c"})]


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path) -> None:
    rows = read(write(tmp_path / "t.tsv", b'id\ttext\n1\t5" pipe\n2\t"open\n3\tb\n4\tc\n'))
    assert [(row.line, row.reason) for row in rows] == [(2, ""), (3, "open_quote"), (4, ""), (5, "")]
    assert [row.data["text"] for row in rows if row.data is not None] == ['5" pipe', "b", "c"]


def test_mixed_encodings_are_told_line_by_line(tmp_path: Path) -> None:
    texts = ["纯棉T恤", "plain", "價格便宜", "好用"]
    codes = ["utf-8", "utf-8", "gb18030", "gb18030"]
    data = b"".join(json.dumps({"text": t}, ensure_ascii=False).encode(c) + b"\n" for t, c in zip(texts, codes, strict=True))
    path = write(tmp_path / "a.jsonl", data)
    assert [row.data for row in read(path, encoding=["utf-8", "gb18030"])] == [{"text": text} for text in texts]
    assert [row.reason for row in read(path)] == ["", "", "bad_encoding", "bad_encoding"]


@settings(max_examples=60, deadline=None)
@given(
    data=st.lists(
        st.sampled_from(
            [b"a", b",", b'"', b"\n", b"\r\n", b"\r", b"\xff", b"\x00", "二".encode(), b" ", b"1,2\n", b'"x\ny",z\n']
        ),
        max_size=40,
    )
)
def test_any_table_is_read_to_its_end_in_order(tmp_path_factory: pytest.TempPathFactory, data: list[bytes]) -> None:
    path = write(tmp_path_factory.mktemp("any") / "t.csv", b"a,b\n" + b"".join(data) + b"\n8,9\n")
    rows = read(path)
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
    assert all((row.data is None) == bool(row.reason) for row in rows)
    # An open quote before the last line may take it in, and only as part of a row that is rejected or whole.
    assert rows[-1].data == {"a": "8", "b": "9"} or b'"' in b"".join(data)


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("a.jsonl.gz", gzip.compress(lines_of(ROWS) * 500)[:-20], "cannot be read to its end"),
        ("a.jsonl.zst", zstandard.compress(lines_of(ROWS) * 50_000)[:-20], "cannot be read to its end"),
        ("a.jsonl.zst", b"no zstandard at all", "cannot be read to its end"),
        ("a.jsonl", b'[{"id": 1},\n{"id": 2}]\n', "is one JSON document; write one object a line"),
        ("a.jsonl", b'[{"id": 1}, {"id": 2}]', "is one JSON document; write one object a line"),
        ("a.jsonl", b'\n[\n{"id": 1}\n]\n', "is one JSON document; write one object a line"),
        ("a.jsonl", b'{\n "id": 1\n}\n', "is one JSON document; write one object a line"),
        ("a.parquet", b"PAR1 and no more", "is not a readable Parquet file"),
        ("a.csv", b"id,text,id\n1,a,2\n", "a.csv:1 names the column 'id' twice"),
        ("a.csv", b"id,\xff\n1,a\n", "a.csv:1 names the columns and is not utf-8; set encoding"),
        ("a.csv", b'id,"text\n1,a\n', "a.csv:1 cannot be read as the names of the columns"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_stops_with_its_name(tmp_path: Path, name: str, data: bytes, fault: str) -> None:
    with pytest.raises(InputError, match=r"sources\.s: a") as error:
        read(write(tmp_path / name, data))
    assert fault in str(error.value)


def test_a_broken_parquet_page_stops_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"text": [f"text {n} " * 9 for n in range(3000)]}), path, compression="zstd", use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[200:4000] = bytes(3800)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"sources\.s: p\.parquet is a broken Parquet file near row 1 "):
        read(path)


def test_a_file_that_vanishes_after_it_was_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines_of(ROWS))
    [unit] = source_units(recipe_of(path, tmp_path), "s")
    path.unlink()
    with pytest.raises(InputError, match=r"sources\.s: a\.jsonl cannot be read"):
        list(read_rows(unit, ["utf-8"]))


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.csv", "c.jsonl.gz", "d.jsonl.zst"):
        assert read(write(tmp_path / name, b"")) == []


# --- fields and keys


def test_nested_fields() -> None:
    row = {"a": {"b": {"c": 1}}, "x.y": 2, "l": [{"b": 3}]}
    assert [lookup(row, column) for column in ("a.b.c", "x.y", "a.z.c", "l.b", "none")] == [1, 2, None, None, None]


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        (7, ["p/7"]),
        (7.0, ["p/7"]),
        (" 7 ", ["p/7"]),
        ("B00/x", ["p/B00/x"]),
        ([1, "2", 2.0, None, [3]], ["p/1", "p/2"]),
        (10**25, [f"p/{10**25}"]),
        (7.5, ["p/7.5"]),
        (float("nan"), []),
        (float("inf"), ["p/inf"]),
        (True, []),
        (None, []),
        ("", []),
        ({"id": 1}, []),
        ([], []),
    ],
)
def test_keys_of_every_type(value: Any, keys: list[str]) -> None:
    source = Source(path="x", kind="web", fields={"text": "t"}, references=[Reference(field="k", to="p")])
    assert row_keys({"k": value}, source, "s", False) == keys


def test_own_key_comes_first_and_only_where_others_refer_to_it() -> None:
    source = Source(path="x", kind="title", fields={"title": "t"}, primary_key="id", references=[Reference(field="id", to="s")])
    assert row_keys({"id": 5}, source, "s", True) == ["s/5"]
    plain = source.model_copy(update={"references": []})
    assert row_keys({"id": 5}, plain, "s", False) == []


# --- rows as published

_REVIEW_2018 = {
    "overall": 5.0,
    "vote": "2",
    "verified": True,
    "reviewTime": "01 1, 2018",
    "reviewerID": "AUI6WTTT0QZYS",
    "asin": "5120053084",
    "style": {"Size:": "Large"},
    "reviewerName": "Abbey",
    "reviewText": "I now have 4 of the 5 &amp; love them",
    "summary": "Comfy",
    "unixReviewTime": 1514764800,
}
_META_2018 = {
    "asin": "0000031852",
    "title": "Girls Ballet Tutu Zebra Hot Pink",
    "feature": ["Botiquecutie Trademark exclusive Brand", "Hot Pink Layered"],
    "description": ["This tutu is great for dress up play for your little ballerina."],
    "price": 3.17,
    "also_buy": ["B00JHONN1S"],
    "brand": "Coxlures",
    "details": {"\n    Product Dimensions: \n    ": "3.4 x 2.1 inches", "Shipping Weight:": "3 ounces"},
}
_REVIEW_2023 = {
    "rating": 5.0,
    "title": "Such a lovely scent",
    "text": "This spray is really nice.<br />It smells good.",
    "images": [],
    "asin": "B00YQ6X8EO",
    "parent_asin": "B00YQ6X8EO",
    "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ",
    "timestamp": 1588687728923,
    "helpful_vote": 0,
    "verified_purchase": True,
}
_META_2023 = {
    "main_category": "All Beauty",
    "title": "Howard LC0008 Leather Conditioner",
    "average_rating": 4.8,
    "rating_number": 10,
    "features": [],
    "description": ["Cleans and conditions."],
    "price": None,
    "images": {"hi_res": [None]},
    "store": "Howard Products",
    "details": '{"Package Dimensions": "7.1 x 5.5 inches", "UPC": "617390882781"}',
    "parent_asin": "B01CUPMQZE",
}


@pytest.mark.parametrize(
    ("adapter", "kind", "row", "text", "keys"),
    [
        ("amazon-2018", "title", _META_2018, "Girls Ballet Tutu Zebra Hot Pink", ["t/0000031852"]),
        (
            "amazon-2018",
            "attributes",
            _META_2018,
            "brand: Coxlures\nProduct Dimensions: 3.4 x 2.1 inches\nShipping Weight: 3 ounces",
            ["t/0000031852"],
        ),
        (
            "amazon-2018",
            "description",
            _META_2018,
            "This tutu is great for dress up play for your little ballerina.\n"
            "Botiquecutie Trademark exclusive Brand\nHot Pink Layered",
            ["t/0000031852"],
        ),
        ("amazon-2018", "review", _REVIEW_2018, "Comfy\nRating: 5\nI now have 4 of the 5 & love them", ["t/5120053084"]),
        ("amazon-2023", "title", _META_2023, "Howard LC0008 Leather Conditioner", ["t/B01CUPMQZE"]),
        (
            "amazon-2023",
            "attributes",
            _META_2023,
            "store: Howard Products\nPackage Dimensions: 7.1 x 5.5 inches\nUPC: 617390882781",
            ["t/B01CUPMQZE"],
        ),
        ("amazon-2023", "description", _META_2023, "Cleans and conditions.", ["t/B01CUPMQZE"]),
        (
            "amazon-2023",
            "review",
            _REVIEW_2023,
            "Such a lovely scent\nRating: 5\nThis spray is really nice. It smells good.",
            ["t/B00YQ6X8EO"],
        ),
        (
            "wudao",
            "web",
            {
                "id": 1,
                "uniqueKey": "6a41",
                "titleUkey": "6a41",
                "dataType": "经济",
                "title": "棉价",
                "content": "今年棉花价格上涨。\n农户增收。",
            },
            "棉价\n\n今年棉花价格上涨。\n农户增收。",
            [],
        ),
        (
            "refinedweb",
            "web",
            {
                "content": "these birches can be found in many places\nin Europe.",
                "url": "http://x.org",
                "timestamp": "2013-05-18T10:42:00Z",
                "dump": "CC-MAIN-2013-20",
                "segment": "1368696382185",
                "image_urls": [["http://x.org/a.jpg", "birch"]],
            },
            "these birches can be found in many places\nin Europe.",
            [],
        ),
    ],
)
def test_public_layouts_need_no_fields(adapter: Any, kind: Any, row: dict[str, Any], text: str, keys: list[str]) -> None:
    references = [] if kind == "web" else [Reference(to="t")]
    source = with_adapter(Source(path="x", adapter=adapter, kind=kind, references=references, serialization="lines"))
    if kind == "title":
        source = source.model_copy(update={"references": []})
    assert linearise(row, source, UNJUDGED, 0)[0] == text
    assert row_keys(row, source, "t", kind == "title") == keys


def test_every_line_of_the_real_gift_cards_is_accounted_for(shared: Path) -> None:
    folder = shared / "data" / "catalogue" / "en_giftcards"
    for path in (folder / "products.jsonl", folder / "reviews.jsonl"):
        rows = read(path)
        assert [(row.line, row.data is not None) for row in rows] == plain_reading(path.read_bytes())


def test_units_of_the_shop(shop: Callable[..., Path]) -> None:
    recipe = load_recipe(shop())
    units = [unit for name in recipe.sources for unit in source_units(recipe, name)]
    assert [unit.name for unit in units] == sorted(unit.name for unit in units)
    assert units[0] == Unit("products", 0, "products.jsonl", 0, recipe.resolve("products.jsonl"), "jsonl")


def test_a_glob_may_stand_in_a_folder_named_like_a_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "shop [1] *"
    folder.mkdir()
    (folder / "a1.jsonl").write_text('{"t": "x"}\n')
    recipe = Recipe.model_validate(
        {
            "name": "x",
            "sources": {"s": {"path": "a*.jsonl", "kind": "title", "fields": {"title": "t"}}},
            "tokenizer": {"train_vocab": 300},
            "model": {"config": {"model_type": "bloom"}},
        }
    )
    object.__setattr__(recipe, "_folder", folder)
    assert [path.name for path in source_files(recipe, "s")] == ["a1.jsonl"]
