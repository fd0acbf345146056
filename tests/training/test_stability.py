"""Steps that would harm: what is decided, that a step left out leaves no trace, that a resumed run decides the same."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.recipe.training import Stability
from ecomct.training.model import write_base
from ecomct.training.run import train_arm
from ecomct.training.stability import Guard, spike_threshold

LENGTH, BATCH, POISONED = 64, 2, 10  # the batch of step 10 (sequences 18 and 19) is garbage
STEPS = 14
RARE = 299


def write_sequences(folder: Path, steps: Sequence[int]) -> Path:
    """Sequences of the batches of `steps`, two a step: a few frequent words; the poisoned one is of words never seen."""
    records = []
    for step in steps:
        generator = np.random.default_rng(step)
        for index in range(BATCH):
            ids = 2 + generator.geometric(0.3, LENGTH).clip(max=40)
            if step == POISONED and index == 1:
                ids = generator.integers(150, 298, LENGTH)
                ids[7] = RARE
            number = (step - 1) * BATCH + index
            rows = [number, (1 << 52) + number]
            records.append({"input_ids": ids, "length": LENGTH, "segments": [LENGTH], "rows": rows, "row_ends": [30, LENGTH]})
    features = datasets.Features(
        {
            "input_ids": datasets.List(datasets.Value("int32"), length=LENGTH),
            "length": datasets.Value("int32"),
            "segments": datasets.List(datasets.Value("int32")),
            "rows": datasets.List(datasets.Value("uint64")),
            "row_ends": datasets.List(datasets.Value("int32")),
        }
    )
    datasets.Dataset.from_list(records, features=features).save_to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sequences(tmp_path_factory.mktemp("whole") / "mixed", range(1, STEPS + 1))


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same data, the poisoned batch taken out."""
    return write_sequences(tmp_path_factory.mktemp("without") / "mixed", [s for s in range(1, STEPS + 1) if s != POISONED])


@pytest.fixture(scope="module")
def base(make_recipe: Callable[..., Recipe], tokenizer_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama that knows the frequent words already, as a model has before continual pre-training."""
    folder = tmp_path_factory.mktemp("base")
    write_base(make_recipe("llama"), tokenizer_folder, folder / "llama")
    data = write_sequences(folder / "data", range(101, 131))
    recipe = make_recipe(batch_size=BATCH, learning_rate=1e-2)
    train_arm(recipe, "mixed", data, folder / "llama", folder / "trained")
    return folder / "trained" / "model"


@pytest.fixture(scope="module")
def broken_base(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose embedding of one rare word is not a number: only the poisoned batch meets it."""
    folder = tmp_path_factory.mktemp("broken") / "llama"
    folder.mkdir()
    weights = load_file(base / "model.safetensors")
    weights["model.embed_tokens.weight"][RARE] = math.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_bytes((base / "config.json").read_bytes())
    return folder


@pytest.fixture
def recipe(make_recipe: Callable[..., Recipe]) -> Callable[..., Recipe]:
    def build(stability: dict[str, Any], **settings: Any) -> Recipe:
        plain = {"batch_size": BATCH, "micro_batch_size": 1, "schedule": "constant", "learning_rate": 1e-3}
        return make_recipe(**{**plain, "stability": {"window": 8, **stability}, **settings})

    return build


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_poisoned_batch_is_recorded_with_its_rows(
    recipe: Callable[..., Recipe], whole: Path, base: Path, tmp_path: Path
) -> None:
    train_arm(recipe({"spike": "record"}), "mixed", whole, base, tmp_path / "out")
    (incident,) = lines(tmp_path / "out" / "incidents.jsonl")
    assert (incident["step"], incident["cause"], incident["action"]) == (POISONED, "spike", "recorded")
    losses = [line["loss"] for line in lines(tmp_path / "out" / "metrics.jsonl")]
    assert incident["loss"] == losses[POISONED - 1] > incident["threshold"]
    assert incident["threshold"] == spike_threshold(losses[POISONED - 9 : POISONED - 1], 8.0)
    assert incident["sequences"] == [18, 19]
    # The recipe of the test has one source, a; rows of a source it does not name go by its number.
    assert incident["rows"] == [{"a": [18], "1": [(1 << 52) + 18]}, {"a": [19], "1": [(1 << 52) + 19]}]


def test_a_step_left_out_leaves_no_trace(
    recipe: Callable[..., Recipe], whole: Path, without: Path, base: Path, tmp_path: Path
) -> None:
    """At a constant rate the run ends in the bytes of one that never met the batch: weights, moments and Adam's count alike."""
    train_arm(recipe({"spike": "skip"}), "mixed", whole, base, tmp_path / "skipped")
    train_arm(recipe({"spike": "off"}), "mixed", without, base, tmp_path / "never")
    train_arm(recipe({"spike": "off"}), "mixed", whole, base, tmp_path / "taken")
    never = digest(tmp_path / "never" / "model" / "model.safetensors")
    assert digest(tmp_path / "skipped" / "model" / "model.safetensors") == never
    assert digest(tmp_path / "taken" / "model" / "model.safetensors") != never
    assert not (tmp_path / "taken" / "incidents.jsonl").exists()
    skipped, others = lines(tmp_path / "skipped" / "metrics.jsonl"), lines(tmp_path / "never" / "metrics.jsonl")
    assert [line["step"] for line in skipped] == list(range(1, STEPS + 1))
    del skipped[POISONED - 1]
    assert [line["loss"] for line in skipped] == [line["loss"] for line in others]


def test_data_and_schedule_go_on_behind_a_step_left_out(
    recipe: Callable[..., Recipe], whole: Path, base: Path, tmp_path: Path
) -> None:
    plan = {"schedule": "linear", "save_every": 1}
    train_arm(recipe({"spike": "skip"}, **plan), "mixed", whole, base, tmp_path / "skip")
    metrics = lines(tmp_path / "skip" / "metrics.jsonl")
    rates = [line["learning_rate"] for line in metrics]
    assert rates == pytest.approx([1e-3 * (STEPS - step) / STEPS for step in range(STEPS)])
    assert [line["step"] for line in lines(tmp_path / "skip" / "incidents.jsonl")] == [POISONED]
    weights = [digest(tmp_path / "skip" / "checkpoints" / f"step-{step}" / "model.safetensors") for step in range(1, STEPS)]
    for step in range(2, STEPS):
        assert (weights[step - 1] == weights[step - 2]) == (step == POISONED)


@pytest.mark.parametrize("crash", [9, 11])
def test_a_resumed_run_decides_the_same(
    recipe: Callable[..., Recipe], whole: Path, base: Path, tmp_path: Path, crash: int
) -> None:
    """The losses that a step is compared with are those before the crash."""

    def fail(step: int, steps: int) -> None:
        if step == crash:
            raise KeyboardInterrupt

    chosen = recipe({"spike": "skip"}, save_every=4, average="ema", average_decay=0.5)
    train_arm(chosen, "mixed", whole, base, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        train_arm(chosen, "mixed", whole, base, tmp_path / "resumed", fail)
    train_arm(chosen, "mixed", whole, base, tmp_path / "resumed")
    assert lines(tmp_path / "resumed" / "incidents.jsonl")[0]["step"] == POISONED
    assert tree(tmp_path / "resumed") == tree(tmp_path / "straight")


def test_a_spike_can_stop_the_run(recipe: Callable[..., Recipe], whole: Path, base: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the loss \d\.\d+ at step 10 is over the threshold \d\.\d+ of training.stability"):
        train_arm(recipe({"spike": "stop"}), "mixed", whole, base, tmp_path / "out")
    (incident,) = lines(tmp_path / "out" / "incidents.jsonl")
    assert (incident["action"], incident["sequences"]) == ("stopped", [18, 19])
    assert not (tmp_path / "out" / "model").exists()


def test_a_nan_is_left_out_as_if_it_never_was(
    recipe: Callable[..., Recipe], whole: Path, without: Path, broken_base: Path, tmp_path: Path
) -> None:
    train_arm(recipe({"not_finite": "skip"}), "mixed", whole, broken_base, tmp_path / "skipped")
    train_arm(recipe({}), "mixed", without, broken_base, tmp_path / "never")
    models = [load_file(tmp_path / name / "model" / "model.safetensors") for name in ("skipped", "never")]
    for name, tensor in models[0].items():
        assert np.array_equal(tensor.numpy(), models[1][name].numpy(), equal_nan=True), name
    (incident,) = lines(tmp_path / "skipped" / "incidents.jsonl")
    assert (incident["step"], incident["cause"], incident["loss"]) == (POISONED, "not finite", None)
    metrics = lines(tmp_path / "skipped" / "metrics.jsonl")
    assert metrics[POISONED - 1]["loss"] is None
    assert all(math.isfinite(line["loss"]) for line in metrics if line["step"] != POISONED)


@pytest.mark.filterwarnings("ignore:overflow")
def test_too_many_in_a_row_stop_the_run(recipe: Callable[..., Recipe], whole: Path, base: Path, tmp_path: Path) -> None:
    chosen = recipe({"not_finite": "skip", "most_skipped": 3}, learning_rate=1e30)
    with pytest.raises(InputError, match=r"3 steps in a row are left out, the last one step 4 .*most_skipped: 3"):
        train_arm(chosen, "mixed", whole, base, tmp_path / "out")
    assert [line["step"] for line in lines(tmp_path / "out" / "incidents.jsonl")] == [2, 3, 4]


losses = st.one_of(st.floats(0.1, 20), st.sampled_from([math.nan, math.inf, 1e6]))


@given(
    losses=st.lists(losses, min_size=20, max_size=60),
    cut=st.integers(0, 60),
    spike=st.sampled_from(["off", "record", "skip"]),
    deviations=st.floats(0.5, 10),
)
@settings(max_examples=200, deadline=None)
def test_a_guard_made_from_records_decides_as_the_one_that_wrote_them(
    losses: list[float], cut: int, spike: Any, deviations: float
) -> None:
    chosen = Stability(not_finite="skip", spike=spike, deviations=deviations, window=8)
    guard, records, decisions = Guard(chosen), [], []
    for loss in losses:
        incident = guard.judge(loss, 1.0)
        decisions.append(incident)
        record: dict[str, Any] = {"loss": loss}
        if incident is not None:
            record["incident"] = {"action": incident.action}
        records.append(record)
        guard.finished(record)
    later = Guard(chosen, records[:cut])
    for record, decision in zip(records[cut:], decisions[cut:], strict=False):
        assert later.judge(record["loss"], 1.0) == decision
        later.finished(record)


@given(
    normal=st.lists(st.floats(2.0, 2.1), min_size=9, max_size=40),
    wild=st.lists(st.floats(-1e9, 1e9), max_size=4),
    deviations=st.floats(1, 10),
)
@settings(max_examples=200, deadline=None)
def test_a_few_wild_losses_do_not_move_the_threshold_far(normal: list[float], wild: list[float], deviations: float) -> None:
    threshold = spike_threshold([*normal, *wild], deviations)
    assert 2.0 <= threshold <= 2.1 + deviations * 1.4826 * 0.1 + 1e-9


def test_equal_losses_have_some_tolerance() -> None:
    assert spike_threshold([2.0] * 8, 8.0) == pytest.approx(2.0 + 8 * 2e-3)
