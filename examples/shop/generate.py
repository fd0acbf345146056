"""Write the example shops, general text and benchmark tasks. Standard library only.

python examples/shop/generate.py --output examples/shop --seed 17
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

from shop import counts, harbor, instructions, qinghe, tasks, world
from shop.files import write_document


def generate(output: Path, seed: int) -> None:
    """Write `data/`, `tasks/` and `instructions/` under `output`: the same bytes for the same seed, whatever the machine."""
    data = output / "data"
    report = {
        "qinghe": qinghe.write(data / "qinghe", qinghe.catalogue(seed), seed),
        "harbor": harbor.write(data / "harbor", harbor.catalogue(seed), seed),
        "general": world.write(data / "general", seed),
    }
    files = {f"{folder}/{name}": faults for folder, tables in report.items() for name, faults in tables.items()}
    planted = {
        name: {"lines": _lines(data / name)} | {kind: amount for kind, amount in faults.items() if amount}
        for name, faults in files.items()
    }
    document = {"seed": seed, "products_without_rows": counts.WITHOUT_ROWS, "files": planted}
    write_document(data / "DIRT.json", document)
    tasks.write(output / "tasks", seed)
    instructions.write(output / "instructions", seed)


def _lines(path: Path) -> int:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).count(b"\n")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write the example shops.")
    parser.add_argument("--output", type=Path, required=True, help="folder that gets data/, tasks/ and instructions/")
    parser.add_argument("--seed", type=int, default=17)
    options = parser.parse_args()
    generate(options.output, options.seed)


if __name__ == "__main__":
    main()
