; CausalContext: invariant beyond_is_beyond by merge
; unsat means proved
(set-logic ALL)
(declare-fun |d0.number| () Int)
(declare-fun |d0.replica| () Int)
(declare-fun |a.beyond| (Int Int) Bool)
(declare-fun |b.beyond| (Int Int) Bool)
(declare-fun |a.vector| (Int) Int)
(declare-fun |b.vector| (Int) Int)
(define-fun t!1 () Int (|a.vector| |d0.replica|))
(define-fun t!2 () Int (|b.vector| |d0.replica|))
(define-fun t!3 () Bool (< (ite (< t!1 t!2) t!2 t!1) |d0.number|))
(assert (not (or (not (and (or (|a.beyond| |d0.replica| |d0.number|) (|b.beyond| |d0.replica| |d0.number|)) t!3)) t!3)))
(check-sat)
