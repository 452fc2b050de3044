"""What a speech recogniser would have written of a text: lower case, no punctuation or emoji, numbers as words."""

from __future__ import annotations

import re
import unicodedata
import zlib

# GoEmotions hides names and religions behind these marks; a speaker says a word.
MARKS = {
    "[NAME]": ("john", "mary", "david", "sarah", "mike", "anna", "chris", "emma", "alex", "james"),
    "[RELIGION]": ("christian", "muslim", "jewish", "catholic", "buddhist"),
}
SIGNS = {"&": " and ", "%": " percent ", "+": " plus ", "@": " at ", "=": " equals "}
ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
# From here on digits are read one by one.
TOO_LARGE = 1_000_000

_LINK = re.compile(r"https?://\S+|www\.\S+")
_LINKED = re.compile(r"\[([^\]]*)\]\(\S*\)")
_HTML = re.compile(r"&(?:amp|gt|lt|nbsp|quot|#\w+);")
_MONEY = re.compile(r"[$£€](\d[\d,.]*)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def as_recognised(text: str) -> str:
    """Return a text as a recogniser writes what is said; empty where nothing of it can be said.

    >>> as_recognised("WOW!!! [NAME]'s 21, isn't it? :-) 👍")
    "wow emma's twenty one isn't it"
    """
    for mark, words in MARKS.items():
        text = text.replace(mark, words[zlib.crc32(text.encode()) % len(words)])
    text = unicodedata.normalize("NFKC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    text = _HTML.sub(" ", _LINK.sub(" ", _LINKED.sub(r"\1", text)))
    text = _THOUSANDS.sub("", _MONEY.sub(r"\1 dollars", text))
    for sign, word in SIGNS.items():
        text = text.replace(sign, word)
    text = _NUMBER.sub(lambda found: f" {spoken_number(found.group())} ", text)
    return " ".join(_WORD.findall(text.lower()))


def spoken_number(digits: str) -> str:
    """Return digits as words.

    >>> spoken_number("1984"), spoken_number("007")
    ('one thousand nine hundred eighty four', 'zero zero seven')
    """
    number = int(digits)
    if number >= TOO_LARGE or (len(digits) > 1 and digits[0] == "0"):
        return " ".join(ONES[int(one)] for one in digits)
    return _spoken(number)


def _spoken(number: int) -> str:
    if number < len(ONES):
        return ONES[number]
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = f" {_spoken(number % size)}" if number % size else ""
            return f"{_spoken(number // size)} {name}{rest}"
    return TENS[number // 10 - 2] + (f" {ONES[number % 10]}" if number % 10 else "")
