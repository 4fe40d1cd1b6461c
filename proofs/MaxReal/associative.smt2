; MaxReal: associative
; unsat means proved
(set-logic ALL)
(declare-fun |a| () Real)
(declare-fun |b| () Real)
(declare-fun |c| () Real)
(define-fun t!1 () Real (ite (< |a| |b|) |b| |a|))
(define-fun t!2 () Real (ite (< |b| |c|) |c| |b|))
(assert (not (= (ite (< t!1 |c|) |c| t!1) (ite (< |a| t!2) t!2 |a|))))
(check-sat)
