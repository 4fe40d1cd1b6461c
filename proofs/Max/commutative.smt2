; Max: commutative
; unsat means proved
(set-logic ALL)
(declare-fun |a| () Int)
(declare-fun |b| () Int)
(assert (not (= (ite (< |a| |b|) |b| |a|) (ite (< |b| |a|) |a| |b|))))
(check-sat)
