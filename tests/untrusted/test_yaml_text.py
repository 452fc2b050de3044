"""YAML is read as a person writes it, and refused in one sentence and a moment where nobody would."""

from __future__ import annotations

import time

import pytest

from emofuse.untrusted.yaml_text import MOST_BYTES, MOST_VALUES, parse_yaml

BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "\n".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 12)
)


def test_plain_values_are_read() -> None:
    text = "a: {b: [1, 2.5, 3e-5, yes, null, ~]}\nc: 'one: two'\nd: |\n  x\n  y\n2020-01-01: 2020-02-30\n"
    assert parse_yaml(text) == {
        "a": {"b": [1, 2.5, 3e-5, True, None, None]},
        "c": "one: two",
        "d": "x\ny\n",
        "2020-01-01": "2020-02-30",
    }
    assert parse_yaml("") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('a: !!int ""', "line 1: the tag"),
        ('a: !!float ""', "the tag"),
        ("a: !!bool x", "the tag"),
        ("a: !!timestamp x", "the tag"),
        ("a: !!python/object/apply:os.system [ls]", "the tag"),
        ("&a [*a]", "anchors and aliases"),
        ("a: &x 1\nb: *x", "anchors and aliases"),
        ("<<: {a: 1}", "merge keys"),
        ("? [1]\n: 2", "a key is a list"),
        ("a: 1\na: 2", "line 2: the key 'a' stands there twice"),
        ("a: 0x_", "'0x_' is no number"),
        ("a: 1" + "0" * 5000, "is no number"),
        ("a: 0x" + "f" * 17, "more than 64 bits"),
        ("a: 1\n---\nb: 2", "several documents"),
        ("[" * 1000, "more than 24 levels"),
        ("- " * 1000, "more than 24 levels"),
        ("[" + "1," * MOST_VALUES + "1]", "more than 10,000 values"),
        ("#" * MOST_BYTES + "#", "longer than 65,536 bytes"),
        ("a: 'open", "while scanning"),
        ("\x00", "control characters|special characters"),
        ('a: "\ud800"', "."),
    ],
)
def test_what_nobody_needs_is_refused(text: str, reason: str) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match=reason):
        parse_yaml(text)
    assert time.process_time() - began < 1.0


def test_aliases_are_read_where_a_format_has_them_and_are_counted_written_out() -> None:
    assert parse_yaml("a: &x {b: 1}\nc: [*x, *x]", aliases=True) == {"a": {"b": 1}, "c": [{"b": 1}, {"b": 1}]}
    with pytest.raises(ValueError, match="more than 10,000 values"):
        parse_yaml(BOMB, aliases=True)
    for text in ("a: &x [*x]", "a: *x"):
        with pytest.raises(ValueError, match="stands before its"):
            parse_yaml(text, aliases=True)
