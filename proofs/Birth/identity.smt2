; Birth: identity
; unsat means proved
(set-logic ALL)
(declare-fun |a.tag| () Int)
(assert (and (<= 0 |a.tag|) (< |a.tag| 4)))
(assert (not (= |a.tag| (ite (< |a.tag| 0) 0 |a.tag|))))
(check-sat)
