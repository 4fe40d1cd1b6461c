; ResetCounter: invariant parts[].value.counted.minus.not_negative by delta of add
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |amount| () Real)
(declare-fun |d| () Int)
(declare-fun |k0.number| () Int)
(declare-fun |k0.replica| () Int)
(assert (< (ite (and (= |r| |k0.replica|) (= |d| |k0.number|)) (ite (< (- 0.0 |amount|) 0.0) 0.0 (- 0.0 |amount|)) 0.0) 0.0))
(check-sat)
