; MaxReal: commutative
; unsat means proved
(set-logic ALL)
(declare-fun |a| () Real)
(declare-fun |b| () Real)
(assert (not (= (ite (< |a| |b|) |b| |a|) (ite (< |b| |a|) |a| |b|))))
(check-sat)
