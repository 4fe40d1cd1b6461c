; Max: identity
; unsat means proved
(set-logic ALL)
(declare-fun |a| () Int)
(assert (<= 0 |a|))
(assert (not (= |a| (ite (< |a| 0) 0 |a|))))
(check-sat)
