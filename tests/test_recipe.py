"""The recipe: every fault at once, with its path; adapters fill; the paper's defaults are the paper's."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from ecomct.cli import app
from ecomct.errors import InputError
from ecomct.recipe import Recipe, Source, load_recipe, read_recipe
from ecomct.recipe.adapters import ADAPTERS, with_adapter
from ecomct.recipe.model import Blend, Mixing, Sequences, Training
from ecomct.recipe.slots import SLOTS, slot_problems
from ecomct.recipe.source import Reference

Shop = Callable[..., Path]
ROOT = Path(__file__).parent.parent
SHIPPED = sorted([*(ROOT / "recipes").glob("*.yaml"), *(ROOT / "examples").glob("*/*.yaml")])


def faults(shop: Shop, overrides: dict[str, Any]) -> list[str]:
    return read_recipe(shop(overrides))[1]


def faults_of(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "r.yaml"
    path.write_text(text, encoding="utf-8")
    return [problem.replace(str(path), "r.yaml") for problem in read_recipe(path)[1]]


def test_the_shop_has_no_fault(shop: Shop) -> None:
    recipe, problems = read_recipe(shop())
    assert problems == []
    assert recipe is not None
    assert recipe.resolve("products.jsonl").is_file()
    assert recipe.resolve("/x/y") == Path("/x/y")


def test_every_fault_is_found_at_once(shop: Shop) -> None:
    found = faults(
        shop,
        {
            "nmae": "x",
            "mixing.max_row": 3,
            "mixing.min_rows": 1,
            "training.learning_rate": "fast",
            "training.batch_size": 0,
            "sequences.length": 32,
            "tokenizer.path": "t.json",
            "sources.reviews.kind": "revew",
            "sources.qa.references": [{"field": "product", "to": "prodcts"}],
            "sources.articles.fields": {"title": "title"},
            "sources.products.primary_key": None,
            "sources.general_en.path": "${ECOMCT_NOT_SET}/x",
            "model": None,
        },
    )
    starts = [line.split(":")[0] for line in found]
    assert sorted(starts) == sorted(
        [
            "sources.general_en.path",
            "nmae",
            "mixing.max_row",
            "mixing.min_rows",
            "training.learning_rate",
            "training.batch_size",
            "sequences.length",
            "tokenizer",
            "sources.reviews.kind",
            "model",
            "sources.qa.references[0].to",
            "sources.articles.fields",
            "sources.facts.references[0].to",
            "sources.articles.references[0].to",
        ]
    )
    text = "\n".join(found)
    for said in (
        "nmae: unknown key; did you mean name?",
        "mixing.max_row: unknown key; did you mean max_rows?",
        "model: missing; this setting has no default",
        "sources.qa.references[0].to: no source is named 'prodcts'; did you mean products?",
        "source products has no primary_key to refer to",
        "environment variable ECOMCT_NOT_SET is not set",
        "got 'fast'",
    ):
        assert said in text


def test_the_first_fault_is_raised_with_the_number_of_the_others(shop: Shop) -> None:
    path = shop({"seed": -1, "mixing.x": 1})
    with pytest.raises(InputError) as error:
        load_recipe(path)
    assert str(error.value).startswith("seed: ")
    assert str(error.value).endswith(f"(and 1 more: run `ecomct check {path}`)")


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ({"sources.reviews.path": 5}, "sources.reviews.path: input should be a valid string, got 5"),
        ({"sources.reviews.path": ["a", 5]}, "sources.reviews.path[1]: input should be a valid string, got 5"),
        ({"sources.reviews.path": []}, "sources.reviews.path: names no file, got []"),
        ({"sources.reviews.path": ""}, "sources.reviews.path: names no file, got ''"),
        ({"sources.reviews.fields": {"text": 5}}, "sources.reviews.fields.text: input should be a valid string, got 5"),
        ({"sources.reviews.fields": {"text": []}}, "sources.reviews.fields.text: names no column"),
        ({"sources.reviews.fields": {"str": "x"}}, "sources.reviews.fields: kind review needs {text}, got {str}"),
        ({"sources.reviews.kind": 5}, "sources.reviews.kind: input should be 'title', 'attributes', 'description', 'review', "),
        ({"sources.str": {"path": 5, "kind": "web"}}, "sources.str.path: input should be a valid string, got 5"),
        ({"sources.reviews.max_rejected": 1.5}, "sources.reviews.max_rejected: input should be less than or equal to 1, got 1.5"),
        (
            {"sources.reviews.max_rejected": float("nan")},
            "sources.reviews.max_rejected: input should be a finite number, got nan",
        ),
        ({"training.learning_rate": float("inf")}, "training.learning_rate: input should be a finite number, got inf"),
        ({"training.max_steps": True}, "training.max_steps: a true or false does not belong here; quote a word such as 'no'"),
        ({"training.adam_betas": [0.9, 1.0]}, "training: adam_betas [0.9, 1.0] are not both from 0 up to below 1"),
        ({"training.adam_betas": [0.9]}, "training.adam_betas[1]: missing; this setting has no default"),
        ({"training.arms": ["mixed", "mixed"]}, "training: arms names one arm twice"),
        ({"training.arms": []}, "training.arms: list should have at least 1 item after validation, not 0, got []"),
        ({"training.micro_batch_size": 3}, "training: batch_size (4) is not a multiple of micro_batch_size (3)"),
        ({"mixing.min_rows": 9, "mixing.max_rows": 8}, "mixing: min_rows (9) is larger than max_rows (8)"),
        ({"blend.languages": {"fr": 1}}, "blend.languages.fr: input should be 'zh' or 'en', got 'fr'"),
        ({"blend.languages": {"zh": 0}}, "blend: languages needs at least one language, each with a weight over 0"),
        ({"sources": {}}, "sources: dictionary should have at least 1 item after validation, not 0"),
        ({"name": "../up"}, "name: a name has letters, digits, '.', '_' and '-' and begins with a letter or digit, got '../up'"),
        ({"sources.a/b": {"path": "x", "kind": "web", "fields": {"text": "t"}}}, "sources.a/b: a name has letters, digits"),
        ({"sources.qa.encoding": "utf-88"}, "sources.qa.encoding: 'utf-88' is no text encoding; known are utf-8, gb18030"),
        ({"sources.qa.encoding": ["utf-8", "hex"]}, "sources.qa.encoding: 'hex' is no text encoding"),
        (
            {"sources.qa.encoding": "utf-16"},
            "sources.qa.encoding: 'utf-16' cannot be read line by line; convert the files to utf-8",
        ),
        ({"tokenizer": {}}, "tokenizer: give exactly one of path and train_vocab"),
        ({"tokenizer.eos": "</s>"}, "tokenizer.eos: a trained tokenizer brings its own end-of-text token; leave eos out"),
        ({"model": {"config": {"n_layer": 1}}}, "model: config needs model_type (for example bloom, llama, qwen3)"),
        ({"sources.qa.references": [{"to": "products"}]}, "sources.qa.references[0].field: missing; name the column that holds"),
        ({"sources.qa.template": "{question} {reply}"}, "sources.qa.template: uses {reply}, which fields does not define"),
        ({"sources.qa.template": "{问题}"}, "sources.qa.template: uses {问题}, which fields does not define"),
        ({"sources.qa.template": "no field"}, "sources.qa.template: names no field, as in '{title}: {text}'"),
        ({"sources.qa.adapter": "wudao"}, "sources.qa.adapter: adapter wudao has no kind qa (it has web)"),
        (
            {"sources.products.fields": {"title": "title", "txt": "x"}},
            "sources.products.fields.txt: kind title has no such slot (it has title)",
        ),
        (
            {"sources.general_en.role": "domain", "sources.general_zh.role": "domain", "training.arms": ["general"]},
            "training.arms[0]: arm general needs a source with role general, the recipe has none",
        ),
    ],
)
def test_one_fault_is_one_line(shop: Shop, overrides: dict[str, Any], line: str) -> None:
    found = faults(shop, overrides)
    assert len(found) == 1, found
    assert found[0].startswith(line)
    assert "\n" not in found[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "r.yaml: a recipe is a mapping of settings (see docs/recipe.md), this is empty"),
        ("# nothing\n", "r.yaml: a recipe is a mapping of settings (see docs/recipe.md), this is empty"),
        ("- a\n- b\n", "r.yaml: a recipe is a mapping of settings (see docs/recipe.md), this is a list"),
        ("words", "r.yaml: a recipe is a mapping of settings (see docs/recipe.md), this is a single value"),
        ("a: [1\nb: 2\n", "r.yaml:2: not valid YAML: "),
        ("name: x\nseed: 1\nname: y\n", "r.yaml:3: not valid YAML: key 'name' appears twice"),
        ("name: x\nsources:\n  a: {path: 1, path: 2}\n", "r.yaml:3: not valid YAML: key 'path' appears twice"),
        ("name: \x01\n", "r.yaml: not valid YAML: unacceptable character"),
        ("a: &x [*x]\n", "r.yaml: an anchor holds itself; a recipe is a tree"),
        ("a: " + "[" * 5000, "r.yaml: not valid YAML: nested too deeply"),
        ("a: !!python/object:os.system {}\n", "r.yaml:1: not valid YAML: could not determine a constructor"),
        ("[a, b]: 1\n", "r.yaml:1: not valid YAML: found unhashable key"),
    ],
)
def test_files_that_are_no_recipe(tmp_path: Path, text: str, line: str) -> None:
    [found] = faults_of(tmp_path, text)
    assert found.startswith(line)
    assert "\n" not in found


def test_no_such_recipe_a_folder_and_another_encoding(tmp_path: Path) -> None:
    assert read_recipe(tmp_path / "r.yaml")[1] == [f"{tmp_path / 'r.yaml'}: no such recipe file"]
    assert read_recipe(tmp_path)[1] == [f"{tmp_path}: is a folder; name the recipe file inside it"]
    (tmp_path / "r.yaml").write_bytes("name: 店".encode("gb18030"))
    assert "cannot be read as UTF-8 text" in read_recipe(tmp_path / "r.yaml")[1][0]


def test_anchors_and_merge_keys_work(tmp_path: Path) -> None:
    source = "&base {path: a.jsonl, kind: web, role: general, fields: {text: t}}"
    rest = "tokenizer: {train_vocab: 300}\nmodel: {config: {model_type: bloom}}\ntraining: {arms: [general]}\n"
    (tmp_path / "r.yaml").write_text(
        f"name: r\nsources:\n  a: {source}\n  b: {{<<: *base, kind: article}}\n{rest}", encoding="utf-8"
    )
    source_b = load_recipe(tmp_path / "r.yaml").sources["b"]
    assert (source_b.kind, source_b.path, source_b.role) == ("article", "a.jsonl", "general")


def test_environment_variables(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = {
        "sources.qa.path": "${SHOP_DATA}/qa.jsonl",
        "sources.reviews.path": ["${SHOP_DATA}/${SHOP_FILE}"],
        "seed": "${SHOP_SEED}",
    }
    for name in ("SHOP_DATA", "SHOP_FILE", "SHOP_SEED"):
        monkeypatch.delenv(name, raising=False)
    assert faults(shop, overrides) == [
        "sources.reviews.path[0]: environment variable SHOP_DATA is not set (used in 2 places); export it",
        "sources.reviews.path[0]: environment variable SHOP_FILE is not set; export it",
        "seed: environment variable SHOP_SEED is not set; export it",
    ]
    monkeypatch.setenv("SHOP_DATA", "/data")
    monkeypatch.setenv("SHOP_FILE", "$HOME ${x")
    monkeypatch.setenv("SHOP_SEED", "5")
    recipe = load_recipe(shop(overrides))
    # A value is put in once: what it holds is not expanded again.
    assert (recipe.sources["qa"].path, recipe.sources["reviews"].path, recipe.seed) == ("/data/qa.jsonl", ["/data/$HOME ${x"], 5)


def test_settings_cannot_be_changed(shop: Shop) -> None:
    recipe = load_recipe(shop())
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 3  # type: ignore[misc]  # that is what is tested


# --- adapters


@pytest.mark.parametrize(("adapter", "kind"), [(adapter, kind) for adapter in ADAPTERS for kind in ADAPTERS[adapter]])
def test_adapters_fill_what_is_missing_and_never_override(adapter: Any, kind: Any) -> None:
    layout = ADAPTERS[adapter][kind]
    bare = with_adapter(Source(path="x", adapter=adapter, kind=kind, references=[Reference(to="t")]))
    assert (bare.primary_key, bare.references[0].field, bare.fields) == (layout.primary_key, layout.reference, layout.fields)
    assert slot_problems(bare) == []
    mine = dict.fromkeys(SLOTS[kind][0][0], "mine")
    said = Source(path="x", adapter=adapter, kind=kind, primary_key="k", fields=mine, references=[Reference(field="f", to="t")])
    assert with_adapter(said) == said


def test_the_generic_adapter_changes_nothing() -> None:
    source = Source(path="x", kind="web", fields={"text": "t"})
    assert with_adapter(source) is source


# --- the schema and the shipped recipes


def test_schema_command_prints_the_schema() -> None:
    printed = json.loads(CliRunner().invoke(app, ["schema"]).stdout)
    assert printed == Recipe.model_json_schema()
    defined = set(printed["$defs"])
    used = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(printed)))
    assert used <= defined
    for part in [printed, *printed["$defs"].values()]:
        assert part["type"] == "object"
        assert part["additionalProperties"] is False
        for name, setting in part["properties"].items():
            assert set(setting) & {"type", "anyOf", "enum", "$ref", "items", "const", "additionalProperties"}, name
    assert set(printed["required"]) == {"name", "sources", "tokenizer", "model"}


def accepts(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    """A reading of the JSON Schema words that the recipe's schema uses, independent of pydantic."""
    if "$ref" in schema:
        return accepts(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], value, root)
    if "anyOf" in schema:
        return any(accepts(branch, value, root) for branch in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return value in schema.get("enum", [schema.get("const")])
    kinds: dict[str, tuple[type, ...]] = {
        "object": (dict,),
        "array": (list,),
        "string": (str,),
        "integer": (int,),
        "number": (int, float),
        "null": (type(None),),
    }
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, dict):
        known, patterns, more = (
            schema.get("properties", {}),
            schema.get("patternProperties", {}),
            schema.get("additionalProperties", True),
        )
        for key, item in value.items():
            fitting = [known[key]] if key in known else [rule for pattern, rule in patterns.items() if re.search(pattern, key)]
            if not fitting and more is False:
                return False
            fitting += [more] if not fitting and isinstance(more, dict) else []
            if not all(accepts(rule, item, root) for rule in fitting):
                return False
        return set(schema.get("required", [])) <= set(value) and len(value) >= schema.get("minProperties", 0)
    if isinstance(value, list):
        rules = schema.get("prefixItems") or [schema.get("items", {})] * len(value)
        return len(value) >= schema.get("minItems", 0) and all(
            accepts(rule, item, root) for rule, item in zip(rules, value, strict=False)
        )
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None and len(value) <= schema.get("maxLength", 1 << 30)
    if isinstance(value, int | float):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        return low <= value <= high and schema.get("exclusiveMinimum", value - 1) < value < schema.get(
            "exclusiveMaximum", value + 1
        )
    return True


def test_schema_accepts_the_shop_and_refuses_what_the_reader_refuses(shop: Shop) -> None:
    schema = Recipe.model_json_schema()
    document = yaml.safe_load(shop().read_text(encoding="utf-8"))
    assert accepts(schema, document, schema)
    for bad in (
        {"nmae": "x"},
        {"seed": -1},
        {"sources.qa.kind": "faq"},
        {"sources.qa.limit": 0},
        {"sources.a/b": {"path": "x", "kind": "web"}},
        {"training.arms": ["other"]},
        {"model": None},
    ):
        assert not accepts(schema, yaml.safe_load(shop(bad).read_text(encoding="utf-8")), schema), bad


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_shipped_recipes_are_right(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ECOMCT_SHARED", "ECOMCT_MODELS", "ECOMCT_DATA"):
        if name not in os.environ:
            monkeypatch.setenv(name, "/somewhere")
    recipe, problems = read_recipe(path)
    assert problems == []
    assert recipe is not None
    schema = Recipe.model_json_schema()
    assert accepts(schema, yaml.safe_load(path.read_text(encoding="utf-8")), schema)
    # A recipe is what it says: written out and read again it is the same.
    again = Recipe.model_validate(json.loads(recipe.model_dump_json()))
    assert again.model_dump() == recipe.model_dump()
    assert accepts(schema, json.loads(recipe.model_dump_json()), schema)


# --- the paper


def test_defaults_marked_as_the_papers_are_the_papers() -> None:
    """EcomGPT-CT: section 4.1 (blend 2 : 1, zh : en 1 : 1, length 2,048) and Table 2 (batch, Adam, decay, rates)."""
    training, blend = Training(), Blend()
    assert training.batch_size == 2048
    assert training.adam_betas == (0.9, 0.95)
    assert training.weight_decay == 0.1
    assert training.learning_rate == 2e-5
    assert blend.general_per_domain == 2.0
    assert blend.languages == {"zh": 1.0, "en": 1.0}
    assert Sequences().length == 2048
    assert Mixing().order == "permuted"
    assert list(training.arms) == ["general", "domain-separate", "separate", "mixed"]
    marked = {
        name
        for part in (Training, Blend, Sequences, Mixing)
        for name, field in part.model_fields.items()
        if "*paper*" in (field.description or "")
    }
    assert marked == {
        "batch_size",
        "adam_betas",
        "weight_decay",
        "learning_rate",
        "general_per_domain",
        "languages",
        "length",
        "order",
    }
