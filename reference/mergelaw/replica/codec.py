"""Effects, contexts and values as bytes: MessagePack, laid out by the types of the specs.

Decoding believes nothing: whatever is not a value of its type, or could not have been written here, is a BadEncoding,
and nothing else is raised. That a well-formed effect tells the truth is another matter; see `Database.receive`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from mergelaw.language.core import Named, Program
from mergelaw.replica.database import default_engines
from mergelaw.replica.model import KEY, MAX_DOT, MAX_REPLICA, Effect, Part
from mergelaw.replica.shape import BadEncoding, Plain, Shape, Shapes
from mergelaw.semantics.context import EMPTY, CausalContext, Dot, Run
from mergelaw.semantics.engine import Engine
from mergelaw.semantics.values import Raw

__all__ = [
    "BadEncoding",
    "decode_context",
    "decode_effect",
    "decode_value",
    "encode_context",
    "encode_effect",
    "encode_value",
]

VERSION = 1
"""Of the layout of effects and chunks."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()

_NO_NAME = object()
"""Before the name of the first part's store."""

_shapes: dict[tuple[int, Named], tuple[Program, Shape]] = {}


def shape_of(engine: Engine) -> Shape:
    """The shape of an engine's values; made once."""
    key = id(engine.program), engine.type
    found = _shapes.get(key)
    if found is None:
        found = _shapes[key] = engine.program, Shapes(engine.program).of(engine.type)
    return found[1]


def pack(plain: Plain) -> bytes:
    """The bytes of a plain tree."""
    return _encoder.encode(plain)


def unpack(data: bytes) -> Plain:
    """The plain tree of `data`; also types that no shape has. Raises: BadEncoding."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError, OverflowError, MemoryError) as problem:
        raise BadEncoding(f"not MessagePack: {problem}") from None


# -- values ----------------------------------------------------------------------------------------


def encode_value(engine: Engine, raw: Raw) -> bytes:
    """A value of the engine's type. Raises: ValueError, if a number in it is longer than 4096 bytes."""
    return pack(shape_of(engine).encode(raw))


def decode_value(engine: Engine, data: bytes) -> Raw:
    """The value that `encode_value` wrote. Raises: BadEncoding."""
    return plain_value(engine, unpack(data))


def plain_value(engine: Engine, plain: Plain) -> Raw:
    """The value of a plain tree. Raises: BadEncoding."""
    try:
        return shape_of(engine).decode(plain)
    except RecursionError:
        raise BadEncoding("too deep") from None


# -- contexts --------------------------------------------------------------------------------------


def encode_context(context: CausalContext) -> bytes:
    """A set of dots."""
    return pack(context_plain(context))


def decode_context(data: bytes) -> CausalContext:
    """The set that `encode_context` wrote. Raises: BadEncoding."""
    return plain_context(unpack(data))


def context_plain(context: CausalContext) -> Plain:
    """The runs, one after the other."""
    return [n for run in context.runs for n in run]


def plain_context(plain: Plain) -> CausalContext:
    """The set of `context_plain`. Raises: BadEncoding."""
    if type(plain) is not list or len(plain) % 3:
        raise BadEncoding("not a context")
    if not plain:
        return EMPTY
    runs: list[Run] = []
    for i in range(0, len(plain), 3):
        replica, first, last = run = plain[i], plain[i + 1], plain[i + 2]
        if type(replica) is not int or type(first) is not int or type(last) is not int:
            raise BadEncoding("not a context")
        if not (1 <= replica <= MAX_REPLICA and 1 <= first <= last < MAX_DOT):
            raise BadEncoding("a context holds what is no dot")
        runs.append(run)
    return CausalContext.from_runs(runs)


# -- effects ---------------------------------------------------------------------------------------


def encode_effect(effect: Effect, engines: Mapping[str, Engine] | None = None) -> bytes:
    """An effect; its footprints without the places at which nothing is touched.

    `engines` are needed for custom types. Raises: ValueError, if a number in it is longer than 4096 bytes.
    """
    own = effect.origin, effect.first, effect.last
    runs = effect.context.runs
    known = engines or default_engines()
    parts, store = [], None
    for part in effect.parts:
        if part.store is not store:
            store = part.store
            shape, name = shape_of(known[store]), None if store == KEY else store
            encode, encode_footprint = shape.encode, shape.encode_footprint
        parts.append((part.key, name, encode(part.value), encode_footprint(part.footprint)))
    return _encoder.encode(
        (
            VERSION,
            *own,
            None if runs == (own,) else context_plain(effect.context),
            parts,
            None if effect.after is None else context_plain(effect.after),
            effect.time_ms,
        )
    )


def decode_effect(data: bytes, engines: Mapping[str, Engine]) -> Effect:
    """The effect that `encode_effect` wrote. Raises: BadEncoding."""
    plain = unpack(data)
    if type(plain) is not list or len(plain) != 8 or plain[0] != VERSION:
        raise BadEncoding(f"not an effect of version {VERSION}")
    _, origin, first, last, context, parts, after, time_ms = plain
    if type(origin) is not int or type(first) is not int or type(last) is not int or type(time_ms) is not int:
        raise BadEncoding("not an effect")
    if not (1 <= origin <= MAX_REPLICA and 1 <= first <= last < MAX_DOT and 0 <= time_ms < MAX_DOT):
        raise BadEncoding("an effect with dots or a time that cannot be")
    own = CausalContext.from_runs([(origin, first, last)])
    covered = own if context is None else plain_context(context)
    if context is not None and not own <= covered:
        raise BadEncoding("the context of an effect lacks its own dots")
    if type(parts) is not list:
        raise BadEncoding("not an effect")
    named: list[Dot] = []
    try:
        decoded = _parts(parts, engines, named.append)
        # Live dots are among those that are named: a spec has no way to make one up.
        for dot in named:
            if (dot[0] != origin or not first <= dot[1] <= last) and dot not in covered:
                for part in decoded:
                    check_dots(engines[part.store], part.value, covered)
                break
    except RecursionError:
        raise BadEncoding("too deep") from None
    if len(decoded) > 1 and len({(part.key, part.store) for part in decoded}) != len(decoded):
        raise BadEncoding("two parts of an effect are of one key")
    return Effect(origin, first, last, covered, decoded, None if after is None else plain_context(after), time_ms)


def _parts(plain: list[Plain], engines: Mapping[str, Engine], see: Callable[[Dot], object]) -> tuple[Part, ...]:
    """The parts of an effect; tells `see` of the dots that their values name."""
    decoded: list[Part] = []
    name: Plain = _NO_NAME
    for part in plain:
        if type(part) is not list or len(part) != 4:
            raise BadEncoding("not a part of an effect")
        key, of, value, footprint = part
        if type(key) is not bytes:
            raise BadEncoding("not a key")
        if of is not name:
            store = store_of(of, engines)
            shape, name = shape_of(engines[store]), of
            decode, decode_footprint = shape.decode_dots, shape.decode_footprint
        decoded.append(Part(key, store, decode(value, see), decode_footprint(footprint)))
    return tuple(decoded)


def store_of(name: Plain, engines: Mapping[str, Engine]) -> str:
    """The store that is called so in an encoding. Raises: BadEncoding."""
    if name is None:
        return KEY
    if type(name) is not str or name == KEY or name not in engines:
        raise BadEncoding("a type that is not served here")
    return name


def check_dots(engine: Engine, raw: Raw, context: CausalContext) -> None:
    """Raises: BadEncoding, if a dot lives in `raw` that `context` lacks."""
    for dot in engine.dots(raw):
        if dot not in context:
            raise BadEncoding("a live dot that the context lacks")
