; TombstoneSet: finite support members
; unsat means proved
(set-logic ALL)
(declare-fun |k| () Int)
(declare-fun |k0.number| () Int)
(declare-fun |k0.replica| () Int)
(declare-fun |this.added| (Int Int Int) Bool)
(declare-fun |this.removed| (Int Int Int) Bool)
(declare-fun |all| () Bool)
(define-fun t!1 () Bool (|this.added| |k| |k0.replica| |k0.number|))
(assert (or |all| (and t!1 (not (|this.removed| |k| |k0.replica| |k0.number|)))))
(assert (not |all|))
(assert (not t!1))
(check-sat)
