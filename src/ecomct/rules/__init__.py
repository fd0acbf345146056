"""Rules that a field must pass to become text, by kind of field: see docs/cleaning.md."""

from ecomct.rules.profiles import Profile, compile_profile, profile_problems
from ecomct.rules.rule import PROFILES, RULES, Passage, Rule, Verdict, rule

__all__ = [
    "PROFILES",
    "RULES",
    "Passage",
    "Profile",
    "Rule",
    "Verdict",
    "compile_profile",
    "profile_problems",
    "rule",
]
