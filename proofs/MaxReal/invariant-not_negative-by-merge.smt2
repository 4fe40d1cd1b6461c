; MaxReal: invariant not_negative by merge
; unsat means proved
(set-logic ALL)
(declare-fun |a| () Real)
(declare-fun |b| () Real)
(assert (not (< |a| 0.0)))
(assert (< (ite (< |a| |b|) |b| |a|) 0.0))
(check-sat)
