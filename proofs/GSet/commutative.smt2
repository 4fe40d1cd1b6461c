; GSet: commutative
; unsat means proved
(set-logic ALL)
(declare-fun |k0| () Int)
(declare-fun |a| (Int) Bool)
(declare-fun |b| (Int) Bool)
(assert (not (= (or (|a| |k0|) (|b| |k0|)) (or (|b| |k0|) (|a| |k0|)))))
(check-sat)
