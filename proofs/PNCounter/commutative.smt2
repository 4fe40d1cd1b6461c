; PNCounter: commutative
; unsat means proved
(set-logic ALL)
(declare-fun |k0| () Int)
(declare-fun |a.up| (Int) Int)
(declare-fun |b.up| (Int) Int)
(declare-fun |k0!1| () Int)
(declare-fun |a.down| (Int) Int)
(declare-fun |b.down| (Int) Int)
(assert (not (and (= (ite (< (|a.up| |k0|) (|b.up| |k0|)) (|b.up| |k0|) (|a.up| |k0|)) (ite (< (|b.up| |k0|) (|a.up| |k0|)) (|a.up| |k0|) (|b.up| |k0|))) (= (ite (< (|a.down| |k0!1|) (|b.down| |k0!1|)) (|b.down| |k0!1|) (|a.down| |k0!1|)) (ite (< (|b.down| |k0!1|) (|a.down| |k0!1|)) (|a.down| |k0!1|) (|b.down| |k0!1|))))))
(check-sat)
