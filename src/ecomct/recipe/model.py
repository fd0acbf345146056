"""The recipe: one typed document that says everything a run does.

Every class is frozen and refuses unknown keys, so that a misspelt setting is an error and not a
silent default. Defaults marked *paper* are EcomGPT-CT's (Ma et al., 2023, section 4 and Table 2);
the paper leaves the others open and they are ours.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic.config import JsonDict

from ecomct.errors import InputError
from ecomct.recipe.cleaning import Cleaning
from ecomct.recipe.decontamination import Decontamination
from ecomct.recipe.duplicates import Duplicates
from ecomct.recipe.source import Name, Part, Source
from ecomct.recipe.training import ARMS as ARMS
from ecomct.recipe.training import Arm as Arm
from ecomct.recipe.training import Training as Training
from ecomct.recipe.tuning import Tuning

Strategy = Literal["deal", "two-phase", "greedy", "chunk", "separate"]
# JSON Schema leaves keys that do not fit a pattern alone unless it is told not to.
_ONLY_NAMES: JsonDict = {"additionalProperties": False}


class Mixing(Part):
    """How rows of one product become one sample (paper, 3.2). Numbers are ours: the paper gives none."""

    strategy: Strategy = Field(
        "deal",
        description="deal: most sources a cluster; two-phase: most rows beside another source; greedy: the paper's words "
        "taken literally (slow, for reference); chunk: a product's rows cut at random; separate: no mixing.",
    )
    min_rows: int = Field(2, ge=2, description="Smallest cluster.")
    max_rows: int = Field(16, ge=2, description="Largest cluster.")
    min_tokens: int = Field(0, ge=0, description="Shorter clusters are no sample; their rows stand alone.")
    max_tokens: int | None = Field(None, ge=2, description="Longest cluster; None: a sequence less its end-of-text token.")
    edges: Literal["all", "cross"] = Field(
        "all", description="Which rows of a product are connected: all, or only those of different sources."
    )
    anchor: Literal["none", "title"] = Field(
        "none", description="title: a cluster without its product's title begins with it, counted as repeated tokens."
    )
    order: Literal["permuted", "title-first", "by-source"] = Field(
        "permuted", description="*paper*: permuted. Or the title first and the others permuted; or by source as in the recipe."
    )
    fields: Literal["as-given", "permuted"] = Field(
        "as-given", description="Order of the key-values of a row: the table's, or permuted by row."
    )
    each_epoch: Literal["permute", "recluster"] = Field(
        "permute", description="With blend.epochs over 1: each epoch permutes the same clusters anew, or makes new ones."
    )
    exact_links: int = Field(
        30_000_000,
        ge=0,
        description="Links of a source up to which rows of several products get the best homes; beyond: in one pass.",
    )
    ball_rows: int = Field(
        64, ge=0, le=4096, description="Rows looked at around a row to join it with others over further keys; 0: none."
    )
    hub_rows: int = Field(64, ge=2, description="A key that more of these rows share is not walked; its rows stay.")

    @model_validator(mode="after")
    def _range(self) -> Mixing:
        if self.min_rows > self.max_rows:
            raise ValueError(f"min_rows ({self.min_rows}) is larger than max_rows ({self.max_rows})")
        if self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens ({self.min_tokens}) is larger than max_tokens ({self.max_tokens})")
        return self


class Tokenizer(Part):
    """A Hugging Face tokenizer on disk, or one trained on the documents."""

    path: str | None = Field(None, description="tokenizer.json or a folder with one.")
    train_vocab: int | None = Field(None, ge=300, le=1_000_000, description="Train a byte-level BPE of this size instead.")
    eos: str | None = Field(None, description="End-of-text token, where the files do not name one.")
    encoder: Literal["auto", "huggingface"] = Field(
        "auto", description="'auto' uses an exact faster encoder where the tokenizer has one, else Hugging Face."
    )
    verify: float = Field(
        0.01, ge=0, le=1, description="Share of the texts that Hugging Face encodes as well; one other id and it encodes all."
    )

    @model_validator(mode="after")
    def _one(self) -> Tokenizer:
        if (self.path is None) == (self.train_vocab is None):
            raise ValueError("give exactly one of path and train_vocab")
        return self


class Blend(Part):
    """Token ratios of the training stream (paper, 4.1: general 2 : domain 1; zh 1 : en 1)."""

    general_per_domain: float = Field(2.0, gt=0, description="*paper*: 2")
    languages: dict[Literal["zh", "en"], float] = Field({"zh": 1.0, "en": 1.0}, description="*paper*: 1 : 1 inside general.")
    tokens: int | None = Field(None, gt=0, description="Budget of the blended arms; None: all that the ratios allow.")
    epochs: int = Field(1, ge=1, description="How often every domain row within the budget is seen.")
    max_repeats: float = Field(1.0, ge=1, description="How often a general sequence may be seen.")

    @model_validator(mode="after")
    def _positive(self) -> Blend:
        if not self.languages or min(self.languages.values()) <= 0:
            raise ValueError("languages needs at least one language, each with a weight over 0")
        return self


class Sequences(Part):
    """Fixed-length training sequences."""

    length: int = Field(2048, ge=64, le=1 << 20, description="*paper*: 2048")


class Model(Part):
    """A causal LM of transformers: from a folder, or from a configuration with random weights."""

    path: str | None = Field(None, description="Folder with config.json and safetensors.")
    config: dict[str, Any] | None = Field(None, description="transformers configuration with model_type; random start.")
    sha256: str | dict[str, str] | None = Field(
        None,
        description="Digest of the folder, or digests by file name, that `path` must have; `ecomct check` prints the former.",
    )

    @model_validator(mode="after")
    def _one(self) -> Model:
        if (self.path is None) == (self.config is None):
            raise ValueError("give exactly one of path and config")
        if self.config is not None and "model_type" not in self.config:
            raise ValueError("config needs model_type (for example bloom, llama, qwen3)")
        if self.sha256 is not None and self.path is None:
            raise ValueError("sha256 belongs to path; a configuration has no files")
        for digest in [self.sha256] if isinstance(self.sha256, str) else (self.sha256 or {}).values():
            if re.fullmatch("[0-9a-f]{64}", digest) is None:
                raise ValueError(f"sha256: {digest!r} is no digest; it has 64 digits 0-9, a-f")
        return self


class Task(Part):
    """One task folder in EcomInstruct form: meta-info.json and test.json."""

    path: str
    scorer: Literal["spans", "choice", "rouge"] = Field(description="span F1, accuracy over candidates, or zh ROUGE-L.")
    max_new_tokens: int = Field(48, gt=0, description="Longest answer that is generated.")


class Evaluation(Part):
    """Held-out loss and benchmark tasks, for every checkpoint of every arm and for the base model."""

    held_out: float = Field(0.02, ge=0, lt=1, description="Share of products (and of rows without a key) never trained on.")
    max_documents: int = Field(200, gt=0, description="Held-out documents scored a source and language.")
    tasks: dict[Name, Task] = Field({}, json_schema_extra=_ONLY_NAMES, description="Task folders by a name of your choice.")
    max_items: int = Field(100, gt=0, description="Items scored a task, drawn by seed.")
    checkpoints: Literal["all", "last"] = Field("all", description="Which weights of an arm are scored.")
    batch_size: int = Field(8, gt=0, description="Prompts or documents a forward pass; changes speed only.")


class Report(Part):
    """The page that ends a run."""

    samples: int = Field(10, ge=0, description="Real samples shown, coloured by source.")


class Recipe(Part):
    """Everything one run does. See docs/recipe.md; `ecomct schema` prints the JSON Schema."""

    name: Name
    seed: int = Field(17, ge=0, lt=1 << 63, description="Decides every draw of the run.")
    buckets: int | None = Field(None, ge=1, le=4096, description="Units of wide work; None: one for each 32 MiB of text.")
    sources: dict[Name, Source] = Field(min_length=1, json_schema_extra=_ONLY_NAMES, description="The tables, by name.")
    cleaning: Cleaning = Cleaning()
    decontamination: Decontamination = Decontamination()
    duplicates: Duplicates = Duplicates()
    mixing: Mixing = Mixing()
    tokenizer: Tokenizer
    blend: Blend = Blend()
    sequences: Sequences = Sequences()
    model: Model
    training: Training = Training()
    tuning: Tuning | None = Field(None, description="Instruction tuning of trained models; None: there is none.")
    evaluation: Evaluation = Evaluation()
    report: Report = Report()

    # Where relative paths start; set by the loader, not by the document.
    _folder: Path = Path(".")
    # Keys of products whose rows are left out: the lines of the file beside the recipe that ends in .forget.
    _forget: tuple[str, ...] = ()

    @property
    def forget(self) -> tuple[str, ...]:
        """The forget list as written, sorted; `ecomct forget` adds to it."""
        return self._forget

    @property
    def tuned(self) -> tuple[str, ...]:
        """Models that are tuned: "base" and arms, those that are trained."""
        trained = ("base", *self.training.arms)
        return () if self.tuning is None else tuple(name for name in self.tuning.models or trained if name in trained)

    def in_processes(self, processes: int) -> Recipe:
        """Return this recipe with another number of training processes.

        Raises:
            InputError: the batch cannot be shared by so many.
        """
        training = self.training
        if training.batch_size % (training.micro_batch_size * processes):
            raise InputError(
                f"--processes {processes}: training.batch_size ({training.batch_size}) is not a multiple of "
                f"micro_batch_size x processes ({training.micro_batch_size} x {processes}); change one of the three"
            )
        parallel = training.parallel.model_copy(update={"processes": processes})
        return self.model_copy(update={"training": training.model_copy(update={"parallel": parallel})})

    def resolve(self, path: str) -> Path:
        """Return `path` against the folder of the recipe file (absolute paths stay)."""
        return (self._folder / path).absolute()
