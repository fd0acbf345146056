"""The learning rate of a step: transformers' where transformers has it, and what each schedule promises."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import get_scheduler

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.training.schedules import make_schedule, rate_factor

NAMES = ("constant", "linear", "cosine", "wsd")


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    steps = draw(st.integers(1, 400))
    return {
        "schedule": draw(st.sampled_from(NAMES)),
        "steps": steps,
        "warmup": draw(st.integers(0, steps)),
        "floor": draw(st.floats(0, 1)),
        "decay_share": draw(st.floats(0.001, 1)),
    }


@pytest.mark.parametrize(("ours", "theirs"), [("constant", "constant_with_warmup"), ("linear", "linear"), ("cosine", "cosine")])
@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (3, 1), (97, 0), (97, 13), (1000, 100), (50, 50)])
def test_without_a_floor_every_bit_is_that_of_transformers(
    make_recipe: Callable[..., Recipe], ours: str, theirs: str, steps: int, warmup: int
) -> None:
    def rates(build: Callable[[torch.optim.Optimizer], Any]) -> list[float]:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2e-5)
        scheduler, made = build(optimizer), []
        for _ in range(steps):
            made.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return made

    training = make_recipe(schedule=ours, warmup_steps=warmup, learning_rate=2e-5).training
    assert rates(lambda optimizer: make_schedule(optimizer, training, steps)) == rates(
        lambda optimizer: get_scheduler(theirs, optimizer, num_warmup_steps=warmup, num_training_steps=steps)
    )


@given(plan=plans())
@settings(max_examples=300, deadline=None)
def test_a_rise_then_never_again(plan: dict[str, Any]) -> None:
    factors = [rate_factor(step, **plan) for step in range(plan["steps"] + 1)]
    warmup = plan["warmup"]
    assert factors[:warmup] == [step / warmup for step in range(warmup)]
    rest = factors[warmup:]
    assert all(left >= right - 1e-12 for left, right in pairwise(rest))
    assert all(plan["floor"] - 1e-12 <= factor <= 1 + 1e-12 for factor in rest)
    if warmup < plan["steps"]:
        assert rest[0] == pytest.approx(1)
        assert rest[-1] == pytest.approx(1 if plan["schedule"] == "constant" else plan["floor"], abs=1e-12)


@given(plan=plans())
@settings(max_examples=200, deadline=None)
def test_wsd_is_flat_then_a_line(plan: dict[str, Any]) -> None:
    plan["schedule"] = "wsd"
    steps, start = plan["steps"], max(plan["warmup"], plan["steps"] - max(1, round(plan["decay_share"] * plan["steps"])))
    assert {rate_factor(step, **plan) for step in range(plan["warmup"], start)} <= {1.0}
    for step in range(start, steps):
        line = 1 - (1 - plan["floor"]) * (step - start) / (steps - start)
        assert rate_factor(step, **plan) == pytest.approx(line, abs=1e-12)


def test_a_warm_up_longer_than_the_run_is_refused(make_recipe: Callable[..., Recipe]) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    with pytest.raises(InputError, match=r"warmup_steps: 11, but the run has 10 steps"):
        make_schedule(optimizer, make_recipe(warmup_steps=11).training, 10)
