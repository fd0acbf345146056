"""What other toolkits take for personal data: their own classes, called on one text after another.

    python personal_data.py OUT TEXTS      reads TEXTS, a JSON object with `cases` and `fields`, two lists of texts

datatrove and Data-Juicer know mail and network addresses; phonenumbers, Google's library, knows phones, and is told the country.
Each writes a placeholder, so that what it found can be told. Every case is masked on its own; the fields are timed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

Mask = Callable[[str], str]


def datatrove_mask() -> Mask:
    """Its formatter for personal data: mail and public network addresses."""
    from datatrove.pipeline.formatters import PIIFormatter

    return PIIFormatter(email_replacement="[EMAIL]", ip_replacement="[IP]").format


def data_juicer_mask() -> Mask:
    """Its two mappers, in the batches of one text that a text of its own needs."""
    from data_juicer.ops.mapper.clean_email_mapper import CleanEmailMapper
    from data_juicer.ops.mapper.clean_ip_mapper import CleanIpMapper

    mail, address = CleanEmailMapper(repl="[EMAIL]"), CleanIpMapper(repl="[IP]")

    def mask(text: str) -> str:
        return address.process_batched(mail.process_batched({"text": [text]}))["text"][0]

    return mask


def phonenumbers_mask() -> Mask:
    """Valid numbers of China in text with Chinese characters, else of the United States."""
    from phonenumbers import PhoneNumberMatcher

    def mask(text: str) -> str:
        parts, position = [], 0
        for match in PhoneNumberMatcher(text, "CN" if any("\u4e00" <= character <= "\u9fff" for character in text) else "US"):
            parts += [text[position : match.start], "[PHONE]"]
            position = match.end
        return "".join([*parts, text[position:]])

    return mask


MASKS = {"datatrove": datatrove_mask, "py-data-juicer": data_juicer_mask, "phonenumbers": phonenumbers_mask}


def main(out: str, texts: str) -> None:
    """Mask the cases and time the fields with each toolkit that is installed."""
    given = json.loads(Path(texts).read_text(encoding="utf-8"))
    facts: dict[str, dict[str, Any]] = {}
    for name, make in MASKS.items():
        try:
            mask = make()
        except ImportError as error:
            facts[name] = {"missing": str(error)}
            continue
        masked = [mask(text) for text in given["cases"]]
        begin = time.process_time()
        for text in given["fields"]:
            mask(text)
        facts[name] = {"masked": masked, "seconds": time.process_time() - begin, "version": version(name)}
    Path(out, "facts.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
