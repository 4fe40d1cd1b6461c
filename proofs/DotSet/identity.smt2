; DotSet: identity
; unsat means proved
(set-logic ALL)
(declare-fun |k0!1.number| () Int)
(declare-fun |k0!1.replica| () Int)
(declare-fun |a| (Int Int) Bool)
(declare-fun |c.seen| (Int Int) Bool)
(define-fun t!1 () Bool (|a| |k0!1.replica| |k0!1.number|))
(define-fun t!2 () Bool (|c.seen| |k0!1.replica| |k0!1.number|))
(assert (not (= t!1 (and t!1 (not t!2)))))
(assert (not (and t!1 t!2)))
(check-sat)
