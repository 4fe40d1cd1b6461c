; ORSetRefinement: finite support members
; unsat means proved
(set-logic ALL)
(declare-fun |k| () Int)
(declare-fun |this.adds.held 1.number| (Int) Int)
(declare-fun |this.adds.held 1.replica| (Int) Int)
(declare-fun |this.adds.empty 1| (Int) Bool)
(declare-fun |this.adds| (Int Int Int) Bool)
(define-fun t!1 () Bool (|this.adds.empty 1| |k|))
(define-fun t!2 () Bool (|this.adds| |k| (|this.adds.held 1.replica| |k|) (|this.adds.held 1.number| |k|)))
(assert (or t!1 t!2))
(assert (not t!1))
(assert (not t!2))
(check-sat)
