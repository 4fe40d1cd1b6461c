; GCounter: commutative
; unsat means proved
(set-logic ALL)
(declare-fun |k0| () Int)
(declare-fun |a.counts| (Int) Int)
(declare-fun |b.counts| (Int) Int)
(assert (not (= (ite (< (|a.counts| |k0|) (|b.counts| |k0|)) (|b.counts| |k0|) (|a.counts| |k0|)) (ite (< (|b.counts| |k0|) (|a.counts| |k0|)) (|a.counts| |k0|) (|b.counts| |k0|)))))
(check-sat)
