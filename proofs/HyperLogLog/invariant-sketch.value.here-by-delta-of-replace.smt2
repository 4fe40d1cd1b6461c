; HyperLogLog: invariant sketch.value.here by delta of replace
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |d| () Int)
(declare-fun |d0.number| () Int)
(declare-fun |d0.replica| () Int)
(declare-fun |k0| () Int)
(declare-fun |registers| (Int) Int)
(declare-fun |all| () Bool)
(define-fun t!1 () Bool (and (= |r| |d0.replica|) (= |d| |d0.number|)))
(assert (or |all| (not (= 0 (ite t!1 (|registers| |k0|) 0)))))
(assert (not (or (and (not t!1) |all|) t!1)))
(check-sat)
