; MaxReal: invariant not_negative by delta of raise
; unsat means proved
(set-logic ALL)
(declare-fun |x| () Real)
(assert (not (< |x| 0.0)))
(assert (< |x| 0.0))
(check-sat)
