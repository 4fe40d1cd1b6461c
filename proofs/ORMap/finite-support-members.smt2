; ORMap: finite support members
; unsat means proved
(set-logic ALL)
(declare-fun |k| () Int)
(declare-fun |this.entries.here.held 1.number| (Int) Int)
(declare-fun |this.entries.here.held 1.replica| (Int) Int)
(declare-fun |this.entries.here.empty 1| (Int) Bool)
(declare-fun |this.entries.here| (Int Int Int) Bool)
(define-fun t!1 () Bool (|this.entries.here.empty 1| |k|))
(define-fun t!2 () Bool (|this.entries.here| |k| (|this.entries.here.held 1.replica| |k|) (|this.entries.here.held 1.number| |k|)))
(assert (or t!1 t!2))
(assert (not t!1))
(assert (not t!2))
(check-sat)
