; VersionVector: commutative
; unsat means proved
(set-logic ALL)
(declare-fun |k0| () Int)
(declare-fun |a| (Int) Int)
(declare-fun |b| (Int) Int)
(assert (not (= (ite (< (|a| |k0|) (|b| |k0|)) (|b| |k0|) (|a| |k0|)) (ite (< (|b| |k0|) (|a| |k0|)) (|a| |k0|) (|b| |k0|)))))
(check-sat)
