"""Writes any text into HTML so that it shows as text, whatever stands in it."""

from html import escape

from automl_cli.reporting.svg import plain


def shown(text: str) -> str:
    """Return the text for an element or an attribute: escaped, with a visible sign in place of what cannot be printed.

    >>> shown('<b>"x"</b>'), shown("a\\x1b[31m\\nb\\u202e")
    ('&lt;b&gt;&quot;x&quot;&lt;/b&gt;', 'a\\ufffd[31m\\nb\\ufffd')
    """
    return escape(text if text.isprintable() else "\n".join(map(plain, text.split("\n"))))
