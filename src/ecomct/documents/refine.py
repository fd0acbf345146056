"""One field value on its way into text: reformulated, cleaned, freed of boilerplate, masked, judged.

The order is part of the contract: mojibake is mended before NFKC would hide it, lines are compared after markup is gone,
rules see what a model would see. What was done is counted by kind, for the document and for its source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ecomct.documents.clean import clean_value
from ecomct.documents.lines import Frequent, without_lines
from ecomct.documents.pasted import kept_once
from ecomct.documents.privacy import is_personal_column, mask, mask_value
from ecomct.documents.reformulate import reformulate
from ecomct.recipe.cleaning import Cleaning, ProfileName
from ecomct.recipe.personal import PersonalKind
from ecomct.recipe.source import Kind, Language
from ecomct.rules.profiles import compile_profile
from ecomct.rules.rule import PROFILES, Passage, Verdict

_NONE, _ADDRESS = Frequent(), "[ADDRESS]"


class Refine:
    """What a source's recipe does to its fields. `edits` counts what was done since it was last taken."""

    def __init__(
        self,
        cleaning: Cleaning,
        language: Language,
        frequent: Mapping[str, Frequent],
        kind: Kind | None = None,
        masked: frozenset[PersonalKind] | None = None,
    ) -> None:
        """`masked`: the kinds of personal data that are masked; else those of `cleaning`."""
        self._kinds = frozenset(cleaning.mask) if masked is None else masked
        self._language, self._frequent = language, frequent
        given = {str(name): thresholds for name, thresholds in cleaning.profiles.items()}
        self._profiles = {name: compile_profile(name, given.get(name)) for name in PROFILES}
        self._names_things, self._is_speech = kind == "title", kind in ("review", "qa")
        self.edits: Counter[str] = Counter()
        # A text of this row of which boilerplate was all.
        self.emptied = ""
        # The row that is read, as "file index:line": some keep what their source repeats.
        self.place = ""

    def __call__(self, raw: str, keep_lines: bool, slot: str, name: str = "") -> str:
        """The clean text of a value; `name` is the key of a key-value, which may tell that its value is personal."""
        text, kinds = reformulate(raw)
        for kind in kinds:
            self.edits[f"reformulated:{kind}"] += 1
        text = clean_value(text, keep_lines)
        if self._is_speech and (once := kept_once(text)) != text:
            self.edits["reformulated:pasted"] += 1
            text = once
        frequent = self._frequent.get(slot, _NONE)
        rest, lines = without_lines(text, _NONE if self.place in frequent.kept_in else frequent, self._language)
        for kind, count in lines.items():
            self.edits[kind] += count
        self.emptied = self.emptied or ("" if rest else text)
        text, masked = mask_value(name, rest, self._kinds) if name else mask(rest, self._kinds)
        if self._names_things and slot == "title" and 2 * len(_ADDRESS) * masked.get("address", 0) > len(text):
            # A thing that is called by little more than its address is a place, not where somebody lives.
            text, masked = mask(rest, self._kinds - {"address"})
        for kind, count in masked.items():
            self.edits[f"mask:{kind}"] += count
        return text

    def leaves_out(self, key: str) -> bool:
        """Whether a key of a nested object holds a person's data by its name; counted. A source that masks nothing keeps all."""
        personal = bool(self._kinds) and is_personal_column(key)
        if personal:
            self.edits["dropped:personal"] += 1
        return personal

    def judge(self, profile: ProfileName, passage: Passage) -> Verdict | None:
        """The first rule of the profile that the passage breaks, or None."""
        return self._profiles[profile].judge(passage)

    def drop(self, what: str, verdict: Verdict) -> None:
        """Count a part of a row (a key-value, a title) that a rule took out while the row stays."""
        self.edits[f"dropped:{what}:{verdict.rule}"] += 1

    def take(self) -> dict[str, int]:
        """The edits since the last call, and begin anew."""
        edits, self.edits, self.emptied = dict(self.edits), Counter(), ""
        return edits
