; Birth: commutative
; unsat means proved
(set-logic ALL)
(declare-fun |a.tag| () Int)
(declare-fun |b.tag| () Int)
(assert (not (= (ite (< |a.tag| |b.tag|) |b.tag| |a.tag|) (ite (< |b.tag| |a.tag|) |a.tag| |b.tag|))))
(check-sat)
