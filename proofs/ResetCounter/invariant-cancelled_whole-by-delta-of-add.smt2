; ResetCounter: invariant cancelled_whole by delta of add
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |amount| () Real)
(declare-fun |d| () Int)
(declare-fun |a0.number| () Int)
(declare-fun |a0.replica| () Int)
(define-fun t!1 () Bool (and (= |r| |a0.replica|) (= |d| |a0.number|)))
(define-fun t!2 () Bool (= 0.0 (ite t!1 (ite (< |amount| 0.0) 0.0 |amount|) 0.0)))
(define-fun t!3 () Bool (= 0.0 (ite t!1 (ite (< (- 0.0 |amount|) 0.0) 0.0 (- 0.0 |amount|)) 0.0)))
(assert (not (or (and (not t!1) (= 0 (ite t!1 1 0)) t!2 t!3) (not (= 0 (ite t!1 1 0))) (and (= 0 (ite t!1 1 0)) t!2 t!3))))
(check-sat)
