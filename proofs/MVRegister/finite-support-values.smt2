; MVRegister: finite support values
; unsat means proved
(set-logic ALL)
(declare-fun |k| () Int)
(declare-fun |this.writes.held 1.number| (Int) Int)
(declare-fun |this.writes.held 1.replica| (Int) Int)
(declare-fun |this.writes.empty 1| (Int) Bool)
(declare-fun |this.writes| (Int Int Int) Bool)
(define-fun t!1 () Bool (|this.writes.empty 1| |k|))
(define-fun t!2 () Bool (|this.writes| |k| (|this.writes.held 1.replica| |k|) (|this.writes.held 1.number| |k|)))
(assert (or t!1 t!2))
(assert (not t!1))
(assert (not t!2))
(check-sat)
