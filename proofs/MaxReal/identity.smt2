; MaxReal: identity
; unsat means proved
(set-logic ALL)
(declare-fun |a| () Real)
(assert (not (= |a| (ite (< |a| 0.0) 0.0 |a|))))
(assert (not (< |a| 0.0)))
(check-sat)
