"""Text in the characters that an output can show: in an 8-bit locale signs have stand-ins, and letters are escapes."""

from functools import lru_cache

STAND_INS = {
    "…": "...",
    "×": "x",
    "·": "-",
    "−": "-",
    "–": "-",
    "—": "-",
    "±": "+-",
    "°": " degrees",
    "≥": ">=",
    "≤": "<=",
    "→": "->",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "█": "#",
    "▇": "#",
    "▆": "+",
    "▅": "+",
    "▄": "=",
    "▃": "-",
    "▂": "_",
    "▁": "_",
    "░": ".",
    "─": "-",
    "━": "-",
    "┈": "-",
    "│": "|",
    "┊": "|",
    "└": "`",
    "├": "|",
    **{raised: f"^{digit}" for digit, raised in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}
"""What stands for a sign of ours where the encoding lacks it; in tables one character for one where that reads well."""


def encodable(text: str, encoding: str | None) -> str:
    r"""Return the text with nothing in it that the encoding lacks. None stands for UTF-8, which lacks nothing.

    >>> encodable("5 × 5, Größe 花", "ascii"), encodable("5 × 5, Größe 花", "latin-1")
    ('5 x 5, Gr\\xf6\\xdfe \\u82b1', '5 × 5, Größe \\u82b1')
    """
    if text.isascii() or encoding is None:
        return text
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_shown(character, encoding) for character in text)
    except LookupError:
        return encodable(text, "ascii")
    return text


@lru_cache(maxsize=4096)
def _shown(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return STAND_INS.get(character) or character.encode("ascii", "backslashreplace").decode("ascii")
    return character
