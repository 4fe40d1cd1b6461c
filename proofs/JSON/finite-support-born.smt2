; JSON: finite support born
; unsat means proved
(set-logic ALL)
(declare-fun |k.number| () Int)
(declare-fun |k.replica| () Int)
(declare-fun |this.here| (Int Int) Bool)
(declare-fun |this.value.birth.tag| (Int Int) Int)
(define-fun t!1 () Bool (= (|this.value.birth.tag| |k.replica| |k.number|) 0))
(assert t!1)
(assert (and (|this.here| |k.replica| |k.number|) (not t!1)))
(check-sat)
