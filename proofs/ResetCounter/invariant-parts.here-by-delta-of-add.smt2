; ResetCounter: invariant parts.here by delta of add
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |amount| () Real)
(declare-fun |d| () Int)
(declare-fun |d0.number| () Int)
(declare-fun |d0.replica| () Int)
(define-fun t!1 () Bool (and (= |r| |d0.replica|) (= |d| |d0.number|)))
(assert (not (or (and (not t!1) (= 0 (ite t!1 1 0)) (= 0.0 (ite t!1 (ite (< |amount| 0.0) 0.0 |amount|) 0.0)) (= 0.0 (ite t!1 (ite (< (- 0.0 |amount|) 0.0) 0.0 (- 0.0 |amount|)) 0.0))) t!1)))
(check-sat)
