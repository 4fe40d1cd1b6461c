; MVRegister: idempotent
; unsat means proved
(set-logic ALL)
(declare-fun |k0| () Int)
(declare-fun |k0!1.number| () Int)
(declare-fun |k0!1.replica| () Int)
(declare-fun |a.writes| (Int Int Int) Bool)
(declare-fun |a.seen| (Int Int) Bool)
(define-fun t!1 () Bool (|a.writes| |k0| |k0!1.replica| |k0!1.number|))
(assert (not (= t!1 (or t!1 (and t!1 (not (|a.seen| |k0!1.replica| |k0!1.number|)))))))
(check-sat)
