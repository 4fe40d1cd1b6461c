"""The meaning of each obligation: premises in a scene, and the term to be shown."""

from __future__ import annotations

from mergelaw.language import core
from mergelaw.language.core import DOT, Property, substitute
from mergelaw.laws import smt
from mergelaw.laws.deltas import SymbolicDelta
from mergelaw.laws.encode import Env, State
from mergelaw.laws.entries import Place
from mergelaw.laws.model import Kind, Obligation
from mergelaw.laws.obligations import DOTS_SEEN, ONE_PLACE, property_label
from mergelaw.laws.places import Part, leaves
from mergelaw.laws.scene import Scene
from mergelaw.laws.smt import FALSE, TRUE, Term, and_, implies, not_, or_
from mergelaw.laws.symbolic import Sym, Tup, Unsupported


def goal(scene: Scene, o: Obligation) -> Term:
    """What is to be shown; the premises go into the scene's logic. Raises: Unsupported."""
    match o.kind:
        case Kind.COMMUTATIVE | Kind.ASSOCIATIVE | Kind.IDEMPOTENT | Kind.IDENTITY | Kind.LIFTING:
            return _law(scene, o.kind)
        case Kind.INVARIANT | Kind.COMPATIBLE | Kind.HOME:
            return _inductive(scene, o)
        case Kind.FRAME:
            return _frame(scene, _update(scene, o.subject))
        case Kind.FRESH:
            return _fresh(scene, _update(scene, o.subject))
        case Kind.FINITE_SUPPORT:
            return _finite_support(scene, o)
        case Kind.THEOREM:
            return _theorem(scene, next(t for t in scene.definition.theorems if t.name == o.subject))
        case _:
            raise Unsupported("this obligation is the finder's")


def _update(scene: Scene, name: str | None) -> core.UpdateDef:
    assert name is not None
    return scene.definition.update(name)


# -- laws ------------------------------------------------------------------------------------------


def _law(scene: Scene, kind: Kind) -> Term:
    a = scene.state("a")
    enc = scene.enc
    if kind is Kind.IDEMPOTENT:
        return enc.equal(scene.merge(a, a).value, a.value, claim=True)
    if kind is Kind.IDENTITY:
        plain = enc.equal(scene.merge(a, scene.zero(scene.empty())).value, a.value, claim=True)
        if scene.definition.kind == "type":
            return plain
        other = enc.context("c.seen")
        scene.logic.universal(["Dot"], lambda x: not_(and_(scene.held(a.value, (), x), other.has(x))))
        under = enc.equal(scene.merge(a, scene.zero(other)).value, a.value, claim=True)
        return and_(plain, under)
    b = scene.state("b")
    scene.assume_compatible(a, b)
    if kind is Kind.COMMUTATIVE:
        return enc.equal(scene.merge(a, b).value, scene.merge(b, a).value, claim=True)
    if kind is Kind.LIFTING:
        merged = scene.merge(a, b).value
        kept = and_(*(_kept(scene, p, merged, a, b) for p in scene.dot_places))
        zeros = scene.merge(scene.zero(a.seen), scene.zero(b.seen)).value
        return and_(kept, enc.is_zero(zeros))
    c = scene.state("c")
    scene.assume_compatible(a, c)
    scene.assume_compatible(b, c)
    left = scene.merge(scene.merge(a, b), c)
    right = scene.merge(a, scene.merge(b, c))
    return enc.equal(left.value, right.value, claim=True)


def _kept(scene: Scene, p: Part, merged: Sym, a: State, b: State) -> Term:
    """That a merge makes no dot live at a place where it was live on neither side."""

    def at(*ks: Sym) -> Term:
        x = ks[-1]
        assert isinstance(x, Tup)
        before = (scene.live_at(p, s.value, ks[:-1], x) for s in (a, b))
        return implies(scene.live_at(p, merged, ks[:-1], x), or_(*before))

    return scene.enc.forall((*p.keys, DOT), at, "x", claim=True)


# -- inductive properties --------------------------------------------------------------------------


def _inductive(scene: Scene, o: Obligation) -> Term:
    if o.subject == DOTS_SEEN:
        return _dots_seen(scene, o.step or "")
    if o.subject == ONE_PLACE:
        return _one_place(scene, o.step or "")
    part, prop = find_property(scene, o)
    step = o.step or ""
    if o.kind is Kind.INVARIANT:
        return _invariant(scene, part, prop, step)
    if o.kind is Kind.COMPATIBLE:
        return _compatible(scene, part, prop, step)
    return _home(scene, part, prop, step)


def find_property(scene: Scene, o: Obligation) -> tuple[Part, Property]:
    """The declared property that an obligation is about: of the type itself, or `part.property`."""
    for part, prop in scene.properties:
        own = not part.steps and part.type == scene.type
        label = prop.name if own else property_label(part, prop)
        if o.subject == label and prop.kind == o.kind.value:
            return part, prop
    raise AssertionError(f"no property {o.subject}")


def _delta(scene: Scene, step: str, *others: State) -> tuple[State, State, Term]:
    """This at home of a replica, the delta of the update that `step` names, and the replica."""
    name = step.removeprefix("by delta of ").split(" ")[0]
    update = scene.definition.update(name)
    this = scene.state("this")
    r = scene.replica()
    scene.assume_compatible(this, this)
    scene.assume_home(r, this, this)
    for t in others:
        scene.assume_compatible(this, t)
        scene.assume_home(r, this, t)
    d = scene.update(update, this, scene.arguments(update), r)
    scene.logic.fact(d.requires)
    return this, State(d.value, d.seen), r


def _invariant(scene: Scene, part: Part, prop: Property, step: str) -> Term:
    if step == "initially":
        return scene.evaluate(part, prop, [scene.zero(scene.enc.context("c.seen"))], None)
    if step == "by merge":
        a, b = scene.state("a"), scene.state("b")
        scene.assume_compatible(a, b)
        return scene.evaluate(part, prop, [scene.merge(a, b)], None)
    if step == "when seen grows":
        return scene.evaluate(part, prop, [scene.grown(scene.state("a"), "c.seen")], None)
    _, d, _ = _delta(scene, step)
    return scene.evaluate(part, prop, [d], None)


def _compatible(scene: Scene, part: Part, prop: Property, step: str) -> Term:
    def both(a: State, b: State) -> Term:
        return and_(scene.evaluate(part, prop, [a, b], None), scene.evaluate(part, prop, [b, a], None))

    t = scene.state("t")
    scene.assume_compatible(t, t)
    if step == "initially":
        zero = scene.zero(scene.enc.context("c.seen"))
        return and_(both(zero, t), scene.evaluate(part, prop, [zero, zero], None))
    if step == "by merge":
        a, b = scene.state("a"), scene.state("b")
        for x, y in ((a, b), (a, t), (b, t)):
            scene.assume_compatible(x, y)
        return both(scene.merge(a, b), t)
    if step == "when seen grows":
        a = scene.state("a")
        scene.assume_compatible(a, t)
        return both(scene.grown(a, "c.seen"), t)
    _, d, _ = _delta(scene, step, t)
    return and_(both(d, t), scene.evaluate(part, prop, [d, d], None))


def _home(scene: Scene, part: Part, prop: Property, step: str) -> Term:
    def related(p: Sym, mine: State, other: State) -> Term:
        return scene.evaluate(part, prop, [mine, other], p)

    p = scene.replica("p")
    if step == "initially":
        mine = scene.state("mine")
        scene.assume_home(p, mine, mine)
        untouched = scene.zero(scene.enc.context("c.seen"))
        return and_(related(p, scene.zero(scene.empty()), scene.zero(scene.empty())), related(p, mine, untouched))
    if step == "when seen grows":
        mine, t = scene.state("mine"), scene.state("t")
        scene.assume_compatible(mine, t)
        scene.assume_home(p, mine, mine)
        scene.assume_home(p, mine, t)
        return and_(related(p, scene.grown(mine, "c.seen"), t), related(p, mine, scene.grown(t, "c.seen")))
    if step in ("by merge elsewhere", "by merge at home"):
        mine, a, b = scene.state("mine"), scene.state("a"), scene.state("b")
        for x, y in ((mine, a), (mine, b), (a, b)):
            scene.assume_compatible(x, y)
        scene.assume_home(p, mine, mine)
        scene.assume_home(p, mine, a)
        scene.assume_home(p, mine, b)
        if step == "by merge elsewhere":
            return related(p, mine, scene.merge(a, b))
        return related(p, scene.merge(mine, b), a)
    if step.endswith("elsewhere"):
        mine = scene.state("mine")
        this, d, r = _delta(scene, step, mine)
        scene.logic.fact(not_(smt.eq(r, _term(p))))
        scene.assume_home(p, mine, mine)
        scene.assume_home(p, mine, this)
        return related(p, mine, d)
    t = scene.state("t")
    this, d, r = _delta(scene, step, t)
    after = scene.merge(this, d)
    return and_(related(r, after, t), related(r, after, d), related(r, after, this))


def _term(v: Sym) -> Term:
    assert isinstance(v, Term)
    return v


def _dots_seen(scene: Scene, step: str) -> Term:
    def holds(s: State) -> Term:
        out = []
        for p in scene.dot_places:
            keys = (*p.keys, DOT)

            def at(*ks: Sym, p: Part = p) -> Term:
                x = ks[-1]
                assert isinstance(x, Tup)
                return implies(scene.live_at(p, s.value, ks[:-1], x), s.seen.has(x))

            out.append(scene.enc.forall(keys, at, "x", claim=True))
        return and_(*out)

    if step == "initially":
        return holds(scene.zero(scene.enc.context("c.seen")))
    if step == "by merge":
        a, b = scene.state("a"), scene.state("b")
        scene.assume_compatible(a, b)
        return holds(scene.merge(a, b))
    return holds(_delta(scene, step)[1])


def _one_place(scene: Scene, step: str) -> Term:
    def holds(s: State, fresh: tuple[Tup, ...]) -> Term:
        """Old dots are where they were born, fresh ones in at most one place."""
        out = []
        for n, p in enumerate(scene.dot_places):

            def at(*ks: Sym, p: Part = p) -> Term:
                x = ks[-1]
                assert isinstance(x, Tup)
                new = or_(*(scene.enc.equal(x, d) for d in fresh))
                live = scene.live_at(p, s.value, ks[:-1], x)
                return implies(live, or_(new, scene.born(p, ks[:-1], x)))

            out.append(scene.enc.forall((*p.keys, DOT), at, "x", claim=True))
            for m, q in enumerate(scene.dot_places[: n + 1]):
                for d in fresh:
                    out.append(_apart(scene, s, (p, q), d, same=n == m))
        return and_(*out)

    if step == "initially":
        return holds(scene.zero(scene.enc.context("c.seen")), ())
    if step == "by merge":
        a, b = scene.state("a"), scene.state("b")
        scene.assume_compatible(a, b)
        return holds(scene.merge(a, b), ())
    name = step.removeprefix("by delta of ")
    _, d, r = _delta(scene, step)
    count = max(1, len(scene.definition.update(name).at))
    first = scene.newest()
    dots = tuple(Tup((r, smt.add(_term(first.items[1]), smt.integer(i)))) for i in range(count))
    return holds(d, dots)


def _apart(scene: Scene, s: State, where: tuple[Part, Part], d: Tup, *, same: bool) -> Term:
    """That dot `d` is not live in two places, or at two keys of one."""
    p, q = where
    if same and not p.keys:
        return TRUE

    def at(*ks: Sym) -> Term:
        left, right = ks[: len(p.keys)], ks[len(p.keys) :]
        both = and_(scene.live_at(p, s.value, left, d), scene.live_at(q, s.value, right, d))
        if both is FALSE:
            return TRUE
        equal = and_(*(scene.enc.equal(x, y) for x, y in zip(left, right, strict=True))) if same else FALSE
        return implies(both, equal)

    return scene.enc.forall((*p.keys, *q.keys), at, "k", claim=True)


# -- updates ---------------------------------------------------------------------------------------


def _frame(scene: Scene, update: core.UpdateDef) -> Term:
    this, t = scene.state("this"), scene.state("t")
    r = scene.replica()
    scene.assume_compatible(this, t)
    scene.assume_home(r, this, this)
    scene.assume_home(r, this, t)
    d = scene.update(update, this, scene.arguments(update), r)
    scene.logic.fact(d.requires)
    merged = scene.merge(t, State(d.value, d.seen)).value
    out = []
    for n, leaf in enumerate(leaves(scene.enc, scene.type)):
        if scene.piece is not None and scene.piece != n:
            continue

        def at(*ks: Sym, leaf: Part = leaf) -> Term:
            rest = list(ks)
            place: Place = tuple(s if isinstance(s, str) else rest.pop(0) for s in leaf.steps)
            touched = d.touches(place)
            if touched is TRUE:
                return TRUE
            dropped = (_dropped(scene, leaf, n, place, ks, merged, d) for n in leaf.drops if n < len(place))
            return or_(touched, *dropped, scene.enc.equal(leaf.read(merged, ks), leaf.read(t.value, ks), claim=True))

        out.append(scene.enc.forall(leaf.keys, at, "k", claim=True))
    return and_(*out)


def _dropped(
    scene: Scene, leaf: Part, n: int, place: Place, keys: tuple[Sym, ...], merged: Sym, d: SymbolicDelta
) -> Term:
    """That the entry which the first n steps lead to is touched, and gone."""
    entry = Part(leaf.steps[:n], leaf.type, leaf.positions[:n])
    gone = scene.enc.claimed_zero(entry.read(merged, keys[: len(entry.keys)]))
    return FALSE if gone is FALSE else and_(d.touches(place[:n]), gone)


def _fresh(scene: Scene, update: core.UpdateDef) -> Term:
    """What is forgotten is live in the state, and has been seen.

    That an update takes dots only from `at`, from the state and from arguments holds of every text: the language
    cannot make any.
    """
    this = scene.state("this")
    r = scene.replica()
    scene.assume_home(r, this, this)
    d = scene.update(update, this, scene.arguments(update), r)
    scene.logic.fact(d.requires)
    return scene.enc.forall(
        [DOT], lambda x: implies(d.forgets(x), and_(this.seen.has(x), scene.held(this.value, (), x))), "x", claim=True
    )


def _finite_support(scene: Scene, o: Obligation) -> Term:
    """Each comprehension is zero at a key at which all its sources are zero."""
    enc = scene.enc
    found: list[Term] = []
    active: set[int] = set()

    def on_build(e: core.Build, env: Env) -> None:
        if id(e) in active:
            return
        active.add(id(e))
        t = enc.rep(substitute(e.type, env.types))
        assert isinstance(t, core.MapT)
        k = enc.fresh(t.key, "k")
        enc.logic.ground(enc.key_of(t.key), k)
        inner = env.bind(**{e.var: k})
        # The key is one at which all sources are zero; as they have finite support, there always is one.
        for source in e.sources:
            m = enc.eval(source, env)
            if not callable(m):
                raise Unsupported("a comprehension over a recursive part")
            enc.assume_zero(m(k))
        found.append(enc.claimed_zero(enc.eval(e.body, inner)))

    d = scene.definition
    enc.on_build = on_build
    if o.subject == "merge" and d.merge is not None:
        a, b = scene.state("a"), scene.state("b")
        scene.assume_compatible(a, b)
        touch(enc.merge(scene.type, a.value, a.seen, b.value, b.seen))
    else:
        q = next(q for q in d.queries if q.name == o.subject)
        this = scene.state("this")
        args = {n: scene.argument(t, n) for n, t in q.params}
        env = Env(args, {}, enc.type_env(scene.type)).bind_states({"this": this})
        touch(enc.eval(q.body, env))
    enc.on_build = None
    if not found:
        raise Unsupported("a comprehension that was not reached")
    return and_(*found)


def touch(v: Sym) -> None:
    """Evaluate the parts of a record, so that the comprehensions in them are met."""
    if isinstance(v, Tup):
        for i in v.items:
            touch(i)


# -- theorems --------------------------------------------------------------------------------------


def _theorem(scene: Scene, t: core.TheoremDef) -> Term:
    enc = scene.enc
    states: dict[str, State] = {}
    bound: dict[str, Sym] = {}
    for name, type_ in t.params:
        if type_ == scene.type:
            states[name] = scene.state(name, existing=name not in t.later)
        else:
            bound[name] = scene.argument(type_, name)
    names = list(states)
    for i, n in enumerate(names):
        for m in names[:i]:
            scene.assume_compatible(states[m], states[n])
    if t.causal:
        raise Unsupported("`requires causal`, which is only explored (mark the theorem `bounded N`)")
    applied: dict[tuple[object, ...], State] = {}
    kept: list[State] = []
    replicas: list[Term] = []

    def on_apply(e: core.Apply, env: Env) -> State:
        subject = enc.state_of(e.subject, env)
        if subject is None:
            raise Unsupported("an update of a part of a state")
        args = [enc.eval(a, env) for a in e.args]
        by = enc.eval(e.by, env) if e.by is not None else None
        when = enc.eval(e.when, env) if e.when is not None else None
        key = (id(subject.value), e)
        done = applied.get(key)
        if done is not None:
            return done
        r = _term(by) if by is not None else scene.replica("anyone")
        for q in replicas:
            if q is not r:
                scene.logic.fact(not_(smt.eq(q, r)))
        replicas.append(r)
        for n, s in states.items():
            if n not in t.later:
                scene.assume_home(r, subject, s)
            if s.value is not subject.value:
                scene.assume_compatible(subject, s)
        update = scene.definition.update(e.update)
        d = scene.update(update, subject, args, r, when)
        scene.logic.fact(d.requires)
        delta = State(d.value, d.seen)
        for n in t.later:
            scene.assume_compatible(states[n], delta)
        scene.births(d, len(update.at))
        after = scene.merge(subject, delta)
        applied[key] = after
        kept.append(subject)
        return after

    enc.on_apply = on_apply
    env = Env(bound, {}, enc.type_env(scene.type)).bind_states(states)
    return enc.claimed(t.body, env)
