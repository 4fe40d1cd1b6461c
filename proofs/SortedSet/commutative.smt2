; SortedSet: commutative
; unsat means proved
(set-logic ALL)
(declare-fun |k0| () Int)
(declare-fun |o| () Int)
(declare-fun |a.scores.obs| (Int Int) Bool)
(declare-fun |b.scores.obs| (Int Int) Bool)
(define-fun t!1 () Bool (|a.scores.obs| |k0| |o|))
(define-fun t!2 () Bool (|b.scores.obs| |k0| |o|))
(assert (not (= (or t!1 t!2) (or t!2 t!1))))
(check-sat)
