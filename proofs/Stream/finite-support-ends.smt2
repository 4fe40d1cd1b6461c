; Stream: finite support ends
; unsat means proved
(set-logic ALL)
(declare-fun |k| () Int)
(declare-fun |this.shared.value.last.present| (Int) Bool)
(define-fun t!1 () Bool (|this.shared.value.last.present| |k|))
(assert (not t!1))
(assert t!1)
(check-sat)
