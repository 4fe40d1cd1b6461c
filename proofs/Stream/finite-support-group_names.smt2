; Stream: finite support group_names
; unsat means proved
(set-logic ALL)
(declare-fun |k| () Int)
(declare-fun |this.shared.value.groups.value.created| (Int) Bool)
(define-fun t!1 () Bool (|this.shared.value.groups.value.created| |k|))
(assert (not t!1))
(assert t!1)
(check-sat)
