r"""Show every character of a text: what a terminal would obey, hide or reorder stands as an escape, such as \x1b.

Names of runs, classes, files and whatever stands in an artifact come from elsewhere. A control character in one could move the
cursor, colour what follows or set the title of the window; a bidirectional mark could turn the text around; a character without
width could make two names look alike.
"""

import unicodedata

OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of Unicode: control, format (bidirectional marks, zero-width characters, tags), surrogate, line and paragraph
separator."""

BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters of Hangul that fill a place and show nothing."""

LAYOUT = frozenset("\n\t")
"""Characters that lay out a text of several lines."""


def visible(text: str, *, lines: bool = True) -> str:
    r"""Return the text with an escape for every character that would not show as itself; line ends and tabs stay with `lines`.

    >>> visible("runs/\x1b[31mred\u202e"), visible("Größe 5 × 5 文字 🐈")
    ('runs/\\x1b[31mred\\u202e', 'Größe 5 × 5 文字 🐈')
    >>> visible("a\nb", lines=False)
    'a\\nb'
    """
    if text.isprintable() and BLANK_LETTERS.isdisjoint(text):
        return text
    return "".join(_escaped(character) if _is_hidden(character, lines=lines) else character for character in text)


def _is_hidden(character: str, *, lines: bool) -> bool:
    if lines and character in LAYOUT:
        return False
    return unicodedata.category(character) in OBEYED or character in BLANK_LETTERS


def _escaped(character: str) -> str:
    """Return the escape that Python, JSON and a shell's $'…' read alike."""
    code = ord(character)
    return character.encode("unicode_escape").decode("ascii") if code < 0x80 or code > 0xFFFF else f"\\u{code:04x}"
