"""Core expressions as text, close to what the designer wrote; for messages only."""

from __future__ import annotations

from mergelaw.language import core
from mergelaw.language.core import Expr

_INFIX = {
    "implies": ("=>", 1),
    "or": ("or", 2),
    "and": ("and", 3),
    "eq": ("==", 5),
    "ne": ("!=", 5),
    "lt": ("<", 5),
    "le": ("<=", 5),
    "subset": ("<=", 5),
    "union": ("|", 6),
    "inter": ("&", 7),
    "add": ("+", 8),
    "sub": ("-", 8),
    "diff": ("-", 8),
    "concat": ("++", 8),
    "mul": ("*", 9),
}
_LOOSE, _ATOM = 0, 11


def text(e: Expr) -> str:
    """`e` on one line."""
    return _text(e, _LOOSE)


def _text(e: Expr, outer: int) -> str:
    written, level = _written(e)
    return f"({written})" if level < outer else written


def _list(items: tuple[Expr, ...]) -> str:
    return ", ".join(text(i) for i in items)


def _called(name: str, args: tuple[Expr, ...]) -> str:
    return f"{name}({_list(args)})" if args else name


def _written(e: Expr) -> tuple[str, int]:
    """The text of `e` and how tightly it binds."""
    match e:
        case core.Lit(_, bool(value)):
            return str(value).lower(), _ATOM
        case core.Lit(_, str(value)):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"', _ATOM
        case core.Lit(_, value):
            return str(value), _ATOM
        case core.Zero(t):
            return ("none" if isinstance(t, core.OptionType) else "[]" if isinstance(t, core.SeqT) else "{}"), _ATOM
        case core.Var(_, name):
            return name, _ATOM
        case core.Seen(_, state):
            return f"{state}.seen", _ATOM
        case core.Get(_, core.Var(_, "this"), name):
            return name, _ATOM
        case core.Get(_, subject, name):
            return f"{_text(subject, _ATOM)}.{name}", _ATOM
        case core.At(_, subject, key) if _is_set(subject):
            return f"{_text(key, 6)} in {_text(subject, 6)}", 5
        case core.At(_, subject, key):
            return f"{_text(subject, _ATOM)}[{text(key)}]", _ATOM
        case core.TupleE(_, items):
            return f"({_list(items)})", _ATOM
        case core.SeqE(_, items):
            return f"[{_list(items)}]", _ATOM
        case core.RecordE(_, fields):
            written = ", ".join(f"{n} = {text(f)}" for n, f in fields if not isinstance(f, core.Zero))
            return ("{ " + written + " }" if written else "{}"), _ATOM
        case core.Variant(t, index, args):
            return _called(f"{t}#{index}", args), _ATOM
        case core.Some(_, item):
            return f"some({text(item)})", _ATOM
        case core.If(_, condition, then, orelse):
            return f"if {text(condition)} then {text(then)} else {text(orelse)}", _LOOSE
        case core.Let(_, name, value, body):
            return f"let {name} = {text(value)} in {text(body)}", _LOOSE
        case core.Match(_, subject, cases):
            return f"match {text(subject)} {{ {', '.join(f'{_pattern(p)} => {text(b)}' for p, b in cases)} }}", _ATOM
        case core.Op(_, op, args) if op in _INFIX and len(args) >= 2:
            symbol, level = _INFIX[op]
            # Only the implication groups to the right; comparisons do not chain at all.
            parts = [_text(a, level + 1) for a in args]
            if op in ("implies",):
                parts[-1] = _text(args[-1], level)
            return f" {symbol} ".join(parts), level
        case core.Op(_, "not", (core.At(_, subject, key),)) if _is_set(subject):
            return f"{_text(key, 6)} not in {_text(subject, 6)}", 5
        case core.Op(_, "not", (operand,)):
            return f"not {_text(operand, 4)}", 4
        case core.Op(_, "neg", (operand,)):
            return f"-{_text(operand, 10)}", 10
        case core.Op(_, op, args):
            return f"{op}({_list(args)})", _ATOM
        case core.Build(_, var, body, _):
            return f"{{ {var} -> {text(body)} }}", _ATOM
        case core.MapE(t, items):
            if isinstance(t, core.MapT) and t.value == core.BOOL:
                return "{" + _list(tuple(k for k, _ in items)) + "}", _ATOM
            return "{" + ", ".join(f"{text(k)}: {text(v)}" for k, v in items) + "}", _ATOM
        case core.Keys(_, subject):
            return f"keys({text(subject)})", _ATOM
        case core.Sum(_, subject):
            return f"sum({text(subject)})", _ATOM
        case core.Count(_, subject):
            return f"count({text(subject)})", _ATOM
        case core.DotsOf(_, subject):
            return f"dots({text(subject)})", _ATOM
        case core.Pick(_, kind, var, source, keys):
            return f"{kind}({var} in {text(source)}{_keys(keys)})", _ATOM
        case core.Quant(_, kind, var, var_type, source, body):
            binder = f"({var}: {var_type})" if source is None else f"{var} in {text(source)}"
            return f"{kind} {binder}: {text(body)}", _LOOSE
        case core.SeqFor(_, body, var, source, keys, condition):
            where = "" if condition is None else f" where {text(condition)}"
            return f"[{text(body)} for {var} in {text(source)}{_keys(keys)}{where}]", _ATOM
        case core.SeqOp(_, op, args):
            return f"{op}({_list(args)})", _ATOM
        case core.CallFun(_, name, _, args):
            return f"{name}({_list(args)})", _ATOM
        case core.CallQuery(_, _, query, core.Var(_, "this"), args, _):
            return _called(query, args), _ATOM
        case core.CallQuery(_, _, query, subject, args, _):
            return f"{_text(subject, _ATOM)}.{_called(query, args)}", _ATOM
        case core.Merge(_, left, right):
            return f"merge({text(left)}, {text(right)})", _ATOM
        case core.Apply(_, _, update, subject, args, by, when):
            written = f"{_text(subject, _ATOM)}.{update}({_list(args)})"
            written += "" if by is None else f" by {_text(by, _ATOM)}"
            written += "" if when is None else f" when {_text(when, _ATOM)}"
            return written, _ATOM if by is None and when is None else 10
        case _:
            return type(e).__name__, _ATOM


def _is_set(subject: Expr) -> bool:
    return isinstance(subject, core.Seen) or (isinstance(subject.type, core.MapT) and subject.type.value == core.BOOL)


def _keys(keys: tuple[tuple[Expr, bool], ...]) -> str:
    return " by " + ", ".join(("desc " if d else "") + text(k) for k, d in keys) if keys else ""


def _pattern(p: core.Pattern) -> str:
    match p:
        case core.PVar(name):
            return name
        case core.PNone():
            return "none"
        case core.PSome(item):
            return f"some({_pattern(item)})"
        case core.PVariant(index, args):
            return f"#{index}({', '.join(map(_pattern, args))})"
        case core.PTuple(items):
            return "(" + ", ".join(map(_pattern, items)) + ")"
        case _:
            return "_"
