"""The library's texts speak of the command line's options; here they are keywords."""

from __future__ import annotations

import re

_VALUE = r"(?: ([\w/]+\.balm|[A-Z]{1,4}\b|[0-9][\w.%+-]*|'[^']*'|(?:none|auto|autoencoder|classical|predictive)\b))?"
_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)" + _VALUE)
_BOUND = re.compile(r"--bound '([^'=]+)=([^']+)'")
_FLAGS = {"lossless", "model-ref"}


def as_keywords(text: str) -> str:
    """``--missing none`` becomes ``missing=None``."""

    def keyword(match: re.Match[str]) -> str:
        name, value = match[1], match[2]
        word = {"fast": "level", "bound": "bounds"}.get(name, name).replace("-", "_")
        if name == "fast":
            return "level=3"
        if name in _FLAGS:
            return f"{word}=True" + (f" {value}" if value else "")
        if value is None:
            return f"{word}="
        if value == "none":
            value = "None"
        elif value[0] not in "'0123456789" and not value.isupper():
            value = f"'{value}'"
        return f"{word}={value}"

    return _OPTION.sub(keyword, _BOUND.sub(r"bounds={'\1': '\2'}", text))
