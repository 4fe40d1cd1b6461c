; Register: idempotent
; unsat means proved
(set-logic ALL)
(declare-fun |k0.number| () Int)
(declare-fun |k0.replica| () Int)
(declare-fun |a.seen| (Int Int) Bool)
(declare-fun |a.present| (Int Int) Bool)
(define-fun t!1 () Bool (|a.present| |k0.replica| |k0.number|))
(assert (not (= t!1 (and (not (and (|a.seen| |k0.replica| |k0.number|) (not t!1))) t!1))))
(check-sat)
