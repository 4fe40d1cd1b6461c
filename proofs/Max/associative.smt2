; Max: associative
; unsat means proved
(set-logic ALL)
(declare-fun |a| () Int)
(declare-fun |b| () Int)
(declare-fun |c| () Int)
(define-fun t!1 () Int (ite (< |a| |b|) |b| |a|))
(define-fun t!2 () Int (ite (< |b| |c|) |c| |b|))
(assert (not (= (ite (< t!1 |c|) |c| t!1) (ite (< |a| t!2) t!2 |a|))))
(check-sat)
