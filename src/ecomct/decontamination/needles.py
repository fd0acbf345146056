"""What is sought: the distinct texts of all items, and the products whose keys items name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ecomct.decontamination.items import Item, Role
from ecomct.seeded import hash_text


@dataclass(frozen=True)
class Needles:
    """By needle: its text, the roles that it has ("key" for a product's key), and the items that it is of, ascending.

    An item is (benchmark, place); `keys` are hashes of products as documents have them, with the needle of each.
    """

    tasks: list[str] = field(default_factory=list)
    items: list[tuple[int, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    roles: list[set[str]] = field(default_factory=list)
    holders: list[list[int]] = field(default_factory=list)
    keys: dict[int, int] = field(default_factory=dict)


def collect(benchmarks: Iterable[tuple[str, Iterable[Item]]], products: list[str]) -> Needles:
    """Read all items. `products`: sources whose keys other sources name; a key of an item may be any one's.

    Deterministic: needles are numbered by where they first appear. Memory: the texts, and 8 bytes for each item that holds one.
    """
    needles = Needles()
    known: dict[tuple[str, bool], int] = {}

    def hold(text: str, role: Role | str, item: int) -> int:
        needle = known.setdefault((text, role == "key"), len(known))
        if needle == len(needles.texts):
            needles.texts.append(text)
            needles.roles.append(set())
            needles.holders.append([])
        needles.roles[needle].add(role)
        if needles.holders[needle][-1:] != [item]:
            needles.holders[needle].append(item)
        return needle

    for task, (name, items) in enumerate(benchmarks):
        needles.tasks.append(name)
        for item in items:
            number = len(needles.items)
            needles.items.append((task, item.place))
            for text, role in item.texts:
                hold(text, role, number)
            for key in item.keys:
                needle = hold(key, "key", number)
                needles.keys.update({hash_text(f"{source}/{key}"): needle for source in products})
    return needles
