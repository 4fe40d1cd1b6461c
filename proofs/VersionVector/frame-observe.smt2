; VersionVector: frame observe
; unsat means proved
(set-logic ALL)
(declare-fun |r!1| () Int)
(declare-fun |number| () Int)
(declare-fun |k0| () Int)
(declare-fun |t| (Int) Int)
(define-fun t!1 () Int (ite (= |r!1| |k0|) |number| 0))
(assert (<= 0 (|t| |k0|)))
(assert (not (or (= |r!1| |k0|) (= (|t| |k0|) (ite (< (|t| |k0|) t!1) t!1 (|t| |k0|))))))
(check-sat)
