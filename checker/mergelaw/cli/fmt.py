"""`mergelaw fmt`: spec files in the one format."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from mergelaw.laws.report import Status


def fmt(files: Iterable[Path], *, check: bool) -> Status:
    """Formats files in place, or with `check` names those that are not formatted (then REFUTED).

    WRONG_INPUT iff a file cannot be read or parsed; such a file stays as it is, the others are formatted all the same.
    """
    from mergelaw.language import SpecErrors, format_module, parse
    from mergelaw.language.parser import read_source

    wrong = unformatted = 0
    for path in files:
        text = ""
        try:
            text = read_source(path)
            formatted = format_module(parse(text, str(path)))
        except SpecErrors as e:
            print(e.render(text), file=sys.stderr)
            wrong += 1
            continue
        if formatted == text:
            continue
        unformatted += 1
        if check:
            print(path)
        else:
            path.write_text(formatted, encoding="utf-8", newline="\n")
            print(f"formatted {path}", file=sys.stderr)
    if wrong:
        return Status.WRONG_INPUT
    return Status.REFUTED if check and unformatted else Status.HOLDS
