; Register: identity
; unsat means proved
(set-logic ALL)
(declare-fun |k0!1.number| () Int)
(declare-fun |k0!1.replica| () Int)
(declare-fun |a.seen| (Int Int) Bool)
(declare-fun |c.seen| (Int Int) Bool)
(declare-fun |a.present| (Int Int) Bool)
(define-fun t!1 () Bool (|c.seen| |k0!1.replica| |k0!1.number|))
(define-fun t!2 () Bool (|a.present| |k0!1.replica| |k0!1.number|))
(assert (not (= t!2 (and (not (and (|a.seen| |k0!1.replica| |k0!1.number|) t!1)) t!2))))
(assert (not (and t!2 t!1)))
(check-sat)
