; List: finite support next
; unsat means proved
(set-logic ALL)
(declare-fun |x| () Int)
(declare-fun |k| () Int)
(declare-fun |this.elements.none| (Int) Bool)
(define-fun t!1 () Bool (|this.elements.none| |k|))
(assert t!1)
(assert (and (not t!1) (< |x| |k|)))
(check-sat)
