"""What looks like personal data: e-mail and IP addresses, telephone and card numbers, IBANs, names.

Numbers are checked, not only matched: cards by their check digit (Luhn), IBANs by theirs (ISO 7064), telephone numbers by
Google's metadata of the world's numbering plans. Names of persons cannot be told from other words by form: that tag rests
on the column's name as well, and says so with a low confidence. A tag is a hint for people, never a guarantee.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import phonenumbers

MAX_VALUES = 2000
"""Values of a column that are looked at."""
MIN_SHARE = 0.5
"""The part of the values that must look like it."""

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
                    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+")  # fmt: skip
_CARD = re.compile(
    r"(?:[2-6][0-9]{3})(?:[ -]?[0-9]{4}){2}[ -]?[0-9]{1,7}|3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}"
)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{6,20}[0-9]|\([0-9]{2,5}\)[0-9 ./-]{5,18}[0-9]")
_NAME = re.compile(r"[^\W\d_][\w'’.-]*(?:,? [^\W\d_][\w'’.-]*){0,3}")
_NAMED = re.compile(r"(?:^|_)(?:(?:first|last|given|family|full|middle|sur|maiden|user|customer|person|patient|employee)_?name|"
                    r"vorname|nachname|apellidos?|prenom)(?:$|_)")  # fmt: skip
_PHONE_NAMED = re.compile(r"phone|mobile|(?:^|_)(?:tel|fax|cell|msisdn)(?:$|_)")


@dataclass(frozen=True, kw_only=True)
class Tag:
    """`kind`: email, ip_address, card_number, iban, phone_number, person_name."""

    kind: str
    confidence: float
    """0 to 1: the part of the values that look like it, less what their form alone does not say."""


def is_email(text: str) -> bool:
    return _EMAIL.fullmatch(text) is not None


def is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_card_number(text: str) -> bool:
    """A payment card's number: its form, and its check digit (ISO/IEC 7812, annex B)."""
    if _CARD.fullmatch(text) is None:
        return False
    digits = [int(c) for c in text if c.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [2 * d if index % 2 else d for index, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """An account's number: its form, and its check digits (ISO 13616, ISO 7064 MOD 97-10)."""
    if _IBAN.fullmatch(text) is None:
        return False
    plain = text.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def is_phone_number(text: str) -> bool:
    """A telephone number with its country code, of a country that has such numbers."""
    return text.startswith("+") and _is_phone_number(text, None)


def is_national_number(text: str) -> bool:
    """Digits that are a telephone number in the United States: many other numbers look the same."""
    return not text.startswith("+") and _is_phone_number(text, "US")


def _is_phone_number(text: str, region: str | None) -> bool:
    if _PHONE.fullmatch(text) is None:
        return False
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_valid_number(number))


def is_name_like(text: str) -> bool:
    return len(text) <= 60 and text != text.lower() and _NAME.fullmatch(text) is not None


_NATIONAL = "national_number"
_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "email": is_email, "ip_address": is_ip_address, "card_number": is_card_number, "iban": is_iban,
    "phone_number": is_phone_number, _NATIONAL: is_national_number, "person_name": is_name_like,
}  # fmt: skip
_TRUST = {
    "email": 1.0,
    "ip_address": 1.0,
    "card_number": 0.95,
    "iban": 1.0,
    "phone_number": 0.9,
    "person_name": 0.6,
}


@dataclass(slots=True)
class TagCounter:
    """How many of a column's first different values look like what."""

    values: int = 0
    found: dict[str, int] = field(default_factory=dict)

    def add(self, texts: Iterable[str]) -> None:
        for text in texts:
            if self.values >= MAX_VALUES:
                return
            self.values += 1
            text = text.strip()
            kind = next((kind for kind, check in _CHECKS.items() if check(text)), None)
            if kind is not None:
                self.found[kind] = self.found.get(kind, 0) + 1

    def tags(self, column: str) -> tuple[Tag, ...]:
        """Kinds that at least half of the values look like, surest first. A number without a country code is a telephone
        number only in a column whose name says so, and so are names."""
        counts = dict(self.found)
        national = counts.pop(_NATIONAL, 0)
        if _PHONE_NAMED.search(column.lower()) and national:
            counts["phone_number"] = counts.get("phone_number", 0) + national
        if not _NAMED.search(column.lower()) and column.lower() != "name":
            counts.pop("person_name", None)
        found = []
        for kind, count in counts.items():
            share = count / self.values
            sure = share * _TRUST[kind]
            if share >= MIN_SHARE:
                found.append(Tag(kind=kind, confidence=round(sure, 3)))
        return tuple(sorted(found, key=lambda tag: -tag.confidence))
