; CausalContext: idempotent
; unsat means proved
(set-logic ALL)
(declare-fun |k0!1.number| () Int)
(declare-fun |k0!1.replica| () Int)
(declare-fun |a.beyond| (Int Int) Bool)
(declare-fun |a.vector| (Int) Int)
(define-fun t!1 () Bool (|a.beyond| |k0!1.replica| |k0!1.number|))
(define-fun t!2 () Bool (< (|a.vector| |k0!1.replica|) |k0!1.number|))
(assert (not (= t!1 (and t!1 t!2))))
(assert (or (not t!1) t!2))
(check-sat)
