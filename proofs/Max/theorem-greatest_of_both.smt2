; Max: theorem greatest_of_both
; unsat means proved
(set-logic ALL)
(declare-fun |s| () Int)
(declare-fun |m| () Int)
(declare-fun |n| () Int)
(define-fun t!1 () Int (ite (< |s| |m|) |m| |s|))
(define-fun t!2 () Int (ite (< |s| |n|) |n| |s|))
(assert (not (= (ite (< t!1 t!2) t!2 t!1) (ite (< t!1 |n|) |n| t!1))))
(check-sat)
