; ResetCounter: home own_seen by delta of add elsewhere
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |r| () Int)
(declare-fun |amount| () Real)
(declare-fun |d| () Int)
(declare-fun |a0.number| () Int)
(declare-fun |a0.replica| () Int)
(declare-fun |mine.seen| (Int Int) Bool)
(define-fun t!1 () Bool (and (= |r| |a0.replica|) (= |d| |a0.number|)))
(assert (not (= |p| |r|)))
(assert (not (or (and (not t!1) (= 0 (ite t!1 1 0)) (= 0.0 (ite t!1 (ite (< |amount| 0.0) 0.0 |amount|) 0.0)) (= 0.0 (ite t!1 (ite (< (- 0.0 |amount|) 0.0) 0.0 (- 0.0 |amount|)) 0.0))) (not (= |p| |a0.replica|)) (|mine.seen| |a0.replica| |a0.number|))))
(check-sat)
