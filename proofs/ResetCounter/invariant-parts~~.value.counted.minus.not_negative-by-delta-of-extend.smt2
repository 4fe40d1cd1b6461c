; ResetCounter: invariant parts[].value.counted.minus.not_negative by delta of extend
; unsat means proved
(set-logic ALL)
(declare-fun |a.replica| () Int)
(declare-fun |k0.replica| () Int)
(declare-fun |a.number| () Int)
(declare-fun |k0.number| () Int)
(declare-fun |this.parts.value.counted.minus| (Int Int) Real)
(declare-fun |amount| () Real)
(define-fun t!1 () Real (|this.parts.value.counted.minus| |a.replica| |a.number|))
(assert (< (ite (and (= |a.replica| |k0.replica|) (= |a.number| |k0.number|)) (+ t!1 (ite (< (- 0.0 |amount|) 0.0) 0.0 (- 0.0 |amount|))) 0.0) 0.0))
(assert (not (< t!1 0.0)))
(check-sat)
