; DotSet: idempotent
; unsat means proved
(set-logic ALL)
(declare-fun |k0.number| () Int)
(declare-fun |k0.replica| () Int)
(declare-fun |a| (Int Int) Bool)
(declare-fun |a.seen| (Int Int) Bool)
(define-fun t!1 () Bool (|a| |k0.replica| |k0.number|))
(assert (not (= t!1 (or t!1 (and t!1 (not (|a.seen| |k0.replica| |k0.number|)))))))
(check-sat)
