; ResetCounter: invariant parts[].value.counted.plus.not_negative by delta of extend
; unsat means proved
(set-logic ALL)
(declare-fun |a.number| () Int)
(declare-fun |a.replica| () Int)
(declare-fun |amount| () Real)
(declare-fun |this.parts.value.counted.plus| (Int Int) Real)
(declare-fun |k0.number| () Int)
(declare-fun |k0.replica| () Int)
(define-fun t!1 () Real (|this.parts.value.counted.plus| |a.replica| |a.number|))
(assert (< (ite (and (= |a.replica| |k0.replica|) (= |a.number| |k0.number|)) (+ t!1 (ite (< |amount| 0.0) 0.0 |amount|)) 0.0) 0.0))
(assert (not (< t!1 0.0)))
(check-sat)
