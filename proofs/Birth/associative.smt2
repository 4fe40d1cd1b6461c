; Birth: associative
; unsat means proved
(set-logic ALL)
(declare-fun |a.tag| () Int)
(declare-fun |b.tag| () Int)
(declare-fun |c.tag| () Int)
(define-fun t!1 () Int (ite (< |a.tag| |b.tag|) |b.tag| |a.tag|))
(define-fun t!2 () Int (ite (< |b.tag| |c.tag|) |c.tag| |b.tag|))
(assert (not (= (ite (< t!1 |c.tag|) |c.tag| t!1) (ite (< |a.tag| t!2) t!2 |a.tag|))))
(check-sat)
